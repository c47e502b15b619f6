"""Events that have grown too old go, and their people are as if they had never done it."""

import asyncio

import pytest_asyncio

from app.domain import Entity, Event, Position
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.members import Members
from app.stores.retention import Purged, Retention, lock_mark
from app.stores.support import SupportStore
from tests.app.stores.given import ANN, BOB, GUEST, NOW, SEEN, click, window


@pytest_asyncio.fixture
async def retention(database: Database) -> Retention:
    """Of a database whose events so far are all young: two a batch."""
    retention = Retention(database, batch=2)
    assert await retention.purge(0) == Purged(0, {}, done=True)
    return retention


async def purge_all(retention: Retention, until: int) -> int:
    events = 0
    while True:
        purged = await retention.purge(until)
        events += purged.events
        if purged.done:
            return events


async def events_of(log: EventLog, entity: Entity | None = None) -> list[str]:
    page = await log.scan(None, 1_000, entity)
    return [event.event_id for event in page.events]


async def test_what_is_too_old_goes_and_windows_hold_the_rest(
    log: EventLog, retention: Retention
) -> None:
    await log.append([click(ANN, n) for n in range(5)] + [click(BOB, 4), click(GUEST, 1)])
    assert await purge_all(retention, NOW + 3) == 4
    assert await events_of(log, ANN) == ["e3", "e4"]
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 3), click(ANN, 4))
    assert (await log.window(GUEST, SEEN)).window == window()
    bob = await log.window(BOB, SEEN)
    assert (bob.window, bob.position) == (window(click(BOB, 4)), Position(0, 1))


async def test_batches_are_bounded_and_move_only_whom_they_concern(
    log: EventLog, retention: Retention
) -> None:
    await log.append([click(ANN, 1), click(ANN, 2), click(BOB, 3)])
    first, second = [await retention.purge(NOW + 4) for _ in range(2)]
    assert first == Purged(2, {ANN: Position(0, 2)}, done=False)
    assert second == Purged(1, {BOB: Position(0, 2)}, done=True)


async def test_an_item_met_again_lately_stays_with_the_later_event(
    log: EventLog, retention: Retention
) -> None:
    old, new = click(ANN, 1, "same"), click(ANN, 2, "same")
    await log.append([old, new])
    await purge_all(retention, NOW + 2)
    assert (await log.window(ANN, SEEN)).window == window(new)


async def test_history_from_before_the_mark_stays_until_it_is_asked_for(
    log: EventLog, retention: Retention
) -> None:
    await log.append([click(ANN, 1)])
    await purge_all(retention, NOW + 10)
    imported = [click(BOB, 2), click(BOB, 30)]
    await log.append(imported)
    assert await purge_all(retention, NOW + 20) == 0
    assert await purge_all(retention, NOW + 40) == 1
    assert (await log.window(BOB, SEEN)).window == window(imported[0])
    assert (await retention.purge(NOW + 40, imported=True)).events == 1
    assert await events_of(log) == []


async def test_the_first_call_keeps_what_it_finds(database: Database, log: EventLog) -> None:
    await log.append([click(ANN, 1)])
    retention = Retention(database)
    assert await retention.purge(NOW + 10) == Purged(0, {}, done=True)
    assert await purge_all(retention, NOW + 20) == 0


async def test_a_shorter_retention_deletes_more_and_a_longer_one_nothing(
    log: EventLog, retention: Retention
) -> None:
    await log.append([click(ANN, n) for n in (1, 5, 9)])
    assert await purge_all(retention, NOW + 2) == 1
    assert await purge_all(retention, NOW - 100) == 0
    assert await purge_all(retention, NOW + 7) == 1


async def test_who_finds_the_lease_taken_leaves_the_work(
    database: Database, log: EventLog, retention: Retention
) -> None:
    """SQLite lets one writer in at a time anyway; it waits instead."""
    await log.append([click(ANN, 1)])
    async with database.write() as connection:
        await lock_mark(connection, 0)
        if connection.dialect.name == "postgresql":
            assert await retention.purge(NOW + 2) == Purged(0, {}, done=True)
    assert (await retention.purge(NOW + 2)).events == 1


async def test_nothing_is_lost_or_left_when_events_merges_and_erasures_come_between(
    database: Database, log: EventLog, retention: Retention
) -> None:
    members = Members(database)
    old = [click(who, n) for who in (ANN, BOB, GUEST) for n in range(20)]
    young = [click(ANN, 100 + n) for n in range(20)]
    await log.append(old)

    async def write() -> None:
        for event in young:
            await log.append([event])

    purging = asyncio.create_task(purge_all(retention, NOW + 50))
    await asyncio.gather(write(), members.merge(GUEST, ANN), members.erase(BOB, NOW + 200))
    purged = await purging
    purged += await purge_all(retention, NOW + 50)
    assert purged <= len(old)
    assert await events_of(log) == sorted(event.event_id for event in young)
    assert (await log.window(ANN, SEEN)).window == window(*young)
    assert (await log.window(BOB, SEEN)).position == Position(1, 0)


async def test_a_window_in_redis_from_before_a_purge_is_not_taken_for_fresh(
    log: EventLog, retention: Retention, support: SupportStore
) -> None:
    [claimed] = await support.load([ANN])
    await log.append([click(ANN, 1), click(ANN, 60)])
    slow = await log.window(ANN, SEEN)
    assert await support.install(ANN, slow, claimed.claim) == "stored"
    purged = await retention.purge(NOW + 50)
    await support.invalidate(purged.positions)
    assert (await support.load([ANN]))[0].placed is None
    assert await support.install(ANN, slow, claimed.claim) == "outdated"


async def test_a_delta_that_overtakes_a_purge_does_not_bring_its_events_back(
    log: EventLog, retention: Retention, support: SupportStore
) -> None:
    """The purge has committed and Redis not heard of it when a later event is merged there."""
    [claimed] = await support.load([ANN])
    await log.append([click(ANN, 1)])
    await support.install(ANN, await log.window(ANN, SEEN), claimed.claim)
    purged = await retention.purge(NOW + 50)
    later: Event = click(ANN, 60)
    appended = await log.append([later])
    await support.merge(appended.writes(SEEN))
    await support.invalidate(purged.positions)
    assert (await support.load([ANN]))[0].placed is None
    assert (await log.window(ANN, SEEN)).window == window(later)
