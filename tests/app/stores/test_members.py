"""Merging and erasing, on both databases."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import select

from app.domain import Entity, Namespace, Position, User
from app.errors import AlreadyMerged
from app.stores.append import ERASED
from app.stores.catalogue import Catalogue
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.members import Members
from app.stores.tables import Base, UncountedRow
from tests.app.stores.given import ANN, BOB, GUEST, NOW, SEEN, click, window

LATER = NOW + 1000
OTHER_GUEST = Entity(Namespace.ANON, "other")


@pytest_asyncio.fixture
async def members(database: Database) -> Members:
    return Members(database)


async def test_a_guest_brings_its_events(log: EventLog, members: Members) -> None:
    await log.append([click(GUEST, 1), click(GUEST, 2), click(ANN, 2), click(ANN, 3)])
    merged = await members.merge(GUEST, ANN)
    assert (merged.moved, merged.duplicates) == (1, 1)
    member = await log.window(ANN, SEEN)
    assert member.window == window(*(click(ANN, n) for n in (1, 2, 3)))
    assert member.position == merged.positions[ANN]
    guest = await log.window(GUEST, SEEN)
    assert guest.window == window()
    assert guest.position == merged.positions[GUEST] > Position(0, 99)


async def test_what_still_comes_of_the_guest_is_the_members(
    log: EventLog, members: Members
) -> None:
    await log.append([click(GUEST, 1)])
    await members.merge(GUEST, ANN)
    retried, late = await asyncio.gather(
        log.append([click(GUEST, 1), click(BOB, 1)]),
        log.append([click(GUEST, 2), click(ANN, 2), click(GUEST, 1)]),
    )
    assert retried.new == (False, True)
    assert late.new == (True, False, False)
    assert retried.arrivals.keys() == {ANN, BOB}
    assert late.arrivals.keys() == {ANN}
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1), click(ANN, 2))
    assert (await log.window(GUEST, SEEN)).window == window()


async def test_a_merge_is_safe_to_repeat_and_final(log: EventLog, members: Members) -> None:
    await log.append([click(GUEST, 1)])
    await members.merge(GUEST, ANN)
    assert (await members.merge(GUEST, ANN)).moved == 0
    with pytest.raises(AlreadyMerged):
        await members.merge(GUEST, BOB)
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1))


async def test_nobody_need_be_known_to_be_merged(log: EventLog, members: Members) -> None:
    await members.merge(GUEST, ANN)
    await log.append([click(GUEST, 1)])
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1))


async def test_events_that_race_a_merge_are_all_the_members(
    log: EventLog, members: Members
) -> None:
    sent = [click(GUEST, n) for n in range(40)]
    merging = asyncio.create_task(members.merge(GUEST, ANN))
    appended = await asyncio.gather(*(log.append([event]) for event in sent))
    await merging
    assert all(one.new == (True,) for one in appended)
    assert (await log.window(ANN, SEEN)).window == window(*(click(ANN, n) for n in range(40)))
    assert (await log.window(GUEST, SEEN)).window == window()


async def test_an_erased_member_leaves_no_trace_of_its_ids(
    log: EventLog, members: Members, database: Database
) -> None:
    await Catalogue(database).put_users([User("ann", {"age": 41}), User("bob", {})])
    await log.append([click(GUEST, 1), click(ANN, 2), click(BOB, 3)])
    await members.merge(GUEST, ANN)
    erasure = await members.erase(ANN, LATER)
    assert (erasure.events, erasure.guests, erasure.had_properties) == (2, 1, True)
    log.mark_applied(erasure.positions)
    await log.close()
    assert await everything(database) >= {"'user:bob'"}
    for name in ("user:ann", "'ann'", GUEST.id):
        assert not any(name in cell for cell in await everything(database)), name


async def everything(database: Database) -> set[str]:
    found = set()
    async with database.read() as connection:
        for table in Base.metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                found |= {repr(cell) for cell in row}
    return found


async def test_retries_of_what_was_erased_are_refused_and_new_events_are_a_new_life(
    log: EventLog, members: Members
) -> None:
    await log.append([click(ANN, 1), click(GUEST, 5)])
    await members.merge(GUEST, ANN)
    erasure = await members.erase(ANN, LATER)
    assert (await log.window(ANN, SEEN)).position == erasure.positions[ANN]
    new = replace(click(ANN, 2), timestamp=LATER + 1)
    late = await log.append([click(ANN, 1), new, click(BOB, 1), click(GUEST, 5)])
    assert late.failed == {0: ERASED, 3: ERASED}
    assert late.new == (False, True, True, False)
    placed = await log.window(ANN, SEEN)
    assert placed.window == window(new)
    assert placed.position == late.positions[ANN] > erasure.positions[ANN]
    still_late = await log.append([click(ANN, 1)])
    assert list(still_late.failed.values()) == [ERASED]


async def test_properties_begin_a_new_life_too(
    log: EventLog, members: Members, database: Database
) -> None:
    await log.append([click(ANN, 1)])
    erasure = await members.erase(ANN, LATER)
    positions = await Catalogue(database).put_users([User("ann", {"age": 7})])
    assert positions[ANN] > erasure.positions[ANN]
    assert list((await log.append([click(ANN, 1)])).failed.values()) == [ERASED]


async def test_events_that_race_an_erasure_are_gone_or_refused(
    log: EventLog, members: Members
) -> None:
    sent = [click(ANN, n) for n in range(40)]
    await asyncio.gather(members.erase(ANN, LATER), *(log.append([event]) for event in sent))
    assert (await log.window(ANN, SEEN)).window == window()
    assert (await log.scan(None, 100, ANN)).events == ()


async def test_a_second_erasure_goes_beyond_the_first(log: EventLog, members: Members) -> None:
    first = await members.erase(ANN, LATER)
    await log.append([replace(click(ANN, 1), timestamp=LATER + 1)])
    second = await members.erase(ANN, LATER + 2)
    assert second.events == 1
    assert second.positions[ANN] > first.positions[ANN]
    earlier_clock = await members.erase(ANN, LATER)
    assert earlier_clock.positions[ANN] > second.positions[ANN]
    late = await log.append([replace(click(ANN, 2), timestamp=LATER + 2)])
    assert list(late.failed.values()) == [ERASED]


async def test_erasures_are_forgotten_in_time(log: EventLog, members: Members) -> None:
    await members.erase(ANN, LATER)
    await members.forget_erasures(LATER)
    assert (await log.append([click(ANN, 1)])).failed != {}
    await members.erase(BOB, LATER)
    await members.forget_erasures(LATER + 1)
    assert (await log.append([click(BOB, 1)])).failed == {}


async def test_popularity_is_as_if_the_erased_had_never_been(
    log: EventLog, members: Members, database: Database
) -> None:
    await log.append([click(ANN, 1), click(BOB, 1), click(ANN, 2)])
    await members.erase(ANN, LATER)
    counts: Counter[str] = Counter()
    async with database.read() as connection:
        for events in (await connection.execute(select(UncountedRow.events))).scalars():
            counts.update(events)
    assert +counts == {"item-1": 1}
    assert counts["item-2"] == 0
