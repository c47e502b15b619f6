"""The event log, on both databases."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Event, Namespace, Position
from app.errors import Overloaded, StorageUnavailable
from app.stores import event_log
from app.stores.append import Appended, Arrival, Committed, Key
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.window_query import read_window
from tests.app.stores.given import ANN, BOB, GUEST, NOW, SEEN, click, let_sqlite_threads_end, window

ODD = Event(
    entity=GUEST,
    event_id="ø'\";--{}",
    item_id="a/b%2F {ü} 🎬",
    type="rating",
    weight=-0.1,
    timestamp=NOW,
    value=0.1 + 0.2,
    request_id="r",
    position=2**40,
    context={"page": "home", "nested": [1, None, {"é": 1.5}]},
)
UNSTORABLE = replace(click(ANN, 99), timestamp=2**70)


async def test_every_field_survives(log: EventLog) -> None:
    await log.append([ODD, click(ANN, 1)])
    assert (await log.scan(None, 10)).events == (ODD, click(ANN, 1))


async def test_duplicates_are_told_and_move_nothing(log: EventLog) -> None:
    first = await log.append([click(ANN, 1), click(ANN, 1), click(ANN, 2)])
    assert first.new == (True, False, True)
    assert first.positions == {ANN: Position(0, 1)}
    again = await log.append([click(ANN, 2), click(BOB, 2)])
    assert again.new == (False, True)
    assert again.arrivals[ANN] == Arrival(Position(0, 1), Position(0, 1))
    assert again.writes(SEEN) == (
        replace(again.writes(SEEN)[0], entity=BOB, window=window(click(BOB, 2))),
    )


async def test_requests_of_one_commit_share_its_arrival(log: EventLog) -> None:
    """Both must offer Redis the whole step, or one would drop the other's event."""
    one, two = await asyncio.gather(
        log.append([click(ANN, 1), click(BOB, 1)]), log.append([click(ANN, 2), click(ANN, 1)])
    )
    assert (one.new, two.new) == ((True, True), (True, False))
    assert one.arrivals[ANN] == two.arrivals[ANN]
    assert one.arrivals[ANN] == Arrival(
        Position(0, 0), Position(0, 1), (click(ANN, 1), click(ANN, 2))
    )
    assert BOB not in two.arrivals


async def test_a_bad_row_hurts_only_itself(log: EventLog) -> None:
    good = [click(ANN, n) for n in range(20)]
    one, two = await asyncio.gather(
        log.append([*good[:7], UNSTORABLE, *good[7:]]), log.append([click(BOB, 1)])
    )
    assert list(one.failed) == [7]
    assert "not acceptable" in one.failed[7]
    assert one.new == (True,) * 7 + (False,) + (True,) * 13
    assert two.new == (True,)
    placed = await log.window(ANN, SEEN)
    assert placed.window == window(*good)
    arrival = one.arrivals[ANN]
    assert placed.position == arrival.after
    assert (arrival.before, set(arrival.events)) == (Position(0, 0), set(good))


async def test_nul_fails_alone_where_the_database_refuses_it(
    log: EventLog, database_url: str
) -> None:
    appended = await log.append([click(ANN, 1, "a\0b"), click(ANN, 2)])
    assert appended.new[1]
    assert bool(appended.failed) == database_url.startswith("postgresql")


async def test_lone_surrogates_fail_alone(log: EventLog) -> None:
    appended = await log.append([click(ANN, 1, "\ud800"), click(ANN, 2)])
    assert (list(appended.failed), appended.new) == ([0], (False, True))


def test_arrivals_follow_each_other() -> None:
    first = Arrival(Position(0, 5), Position(0, 6), (click(ANN, 1),))
    second = Arrival(Position(0, 6), Position(0, 7), (click(ANN, 2),))
    assert first.then(second) == Arrival(
        Position(0, 5), Position(0, 7), (click(ANN, 1), click(ANN, 2))
    )


def test_an_arrival_after_a_stranger_counts_alone() -> None:
    first = Arrival(Position(0, 5), Position(0, 6), (click(ANN, 1),))
    later = Arrival(Position(0, 7), Position(0, 8), (click(ANN, 2),))
    assert first.then(later) == later


async def test_a_cancelled_caller_does_not_cancel_the_write(log: EventLog) -> None:
    caller = asyncio.create_task(log.append([click(ANN, 1)]))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await log.close()
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1))


async def test_closing_commits_what_is_queued(log: EventLog) -> None:
    waiting = [asyncio.create_task(log.append([click(ANN, n)])) for n in range(5)]
    await asyncio.sleep(0)
    await log.close()
    await asyncio.sleep(0)
    assert [task.result().new for task in waiting] == [(True,)] * 5
    with pytest.raises(StorageUnavailable):
        await log.append([click(ANN, 9)])


async def test_a_full_queue_is_told_at_once(database: Database) -> None:
    log = EventLog(database, queue_limit=3)
    log.start()
    waiting = [asyncio.create_task(log.append([click(ANN, n)])) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await log.append([click(ANN, 9)])
    await asyncio.gather(*waiting)
    assert (await log.append([click(ANN, n) for n in range(3, 13)])).new == (True,) * 10
    await log.close()


async def test_a_call_may_be_larger_than_any_limit_on_parameters(log: EventLog) -> None:
    entities = [Entity(Namespace.USER, f"u{n}") for n in range(2_500)]
    events = [click(entity, n) for entity in entities for n in range(2)]
    assert all((await log.append(events)).new)
    again = await log.append(events)
    assert not any(again.new)
    assert again.positions == dict.fromkeys(entities, Position(0, 1))
    log.mark_applied(again.positions)
    await log.close()
    assert await log.pending(10) == {}


async def test_writers_do_not_deadlock(log: EventLog, database: Database) -> None:
    other = EventLog(database)
    other.start()
    entities = [Entity(Namespace.USER, f"u{n}") for n in range(40)]
    for turn in range(5):
        forward = [click(entity, turn) for entity in entities]
        backward = [click(entity, 100 + turn) for entity in reversed(entities)]
        one, two = await asyncio.gather(log.append(forward), other.append(backward))
        log.mark_applied(one.positions)
        other.mark_applied(two.positions)
    await other.close()
    assert (await log.window(entities[0], SEEN)).position == Position(0, 10)


async def test_a_note_stays_until_its_own_position_is_applied(log: EventLog) -> None:
    first = await log.append([click(ANN, 1), click(BOB, 1)])
    second = await log.append([click(ANN, 2)])
    log.mark_applied(first.positions)
    await log.close()
    assert await log.pending(10) == second.positions


async def test_an_idle_writer_clears_the_notes(log: EventLog) -> None:
    log.mark_applied((await log.append([click(ANN, 1)])).positions)
    async with asyncio.timeout(10):
        while await log.pending(10):  # noqa: ASYNC110 - another process could clear it as well
            await asyncio.sleep(0.01)


async def test_pages_of_a_scan_meet_every_event_once(log: EventLog) -> None:
    events = [click(entity, n) for entity in (GUEST, ANN, BOB) for n in range(4)]
    await log.append(events)
    found: list[Event] = []
    after = None
    while True:
        page = await log.scan(after, 5)
        found += page.events
        after = page.after
        if after is None:
            break
    assert found == sorted(events, key=lambda event: (str(event.entity), event.event_id))


async def test_a_rebuild_reads_one_snapshot(log: EventLog, database: Database) -> None:
    await log.append([click(ANN, 1)])
    async with database.read() as connection:
        before = await read_window(connection, ANN, SEEN)
        await log.append([click(ANN, 2)])
        assert await read_window(connection, ANN, SEEN) == before
    assert (await log.window(ANN, SEEN)).position == Position(0, 2)


async def test_nobody_has_an_empty_window(log: EventLog) -> None:
    placed = await log.window(ANN, SEEN)
    assert (placed.window, placed.position) == (window(), Position(0, 0))


async def test_one_item_loved_a_thousand_times_hides_no_other(log: EventLog) -> None:
    strong = [replace(click(ANN, n, "same"), weight=4.0) for n in range(1_200)]
    weak = [click(ANN, n) for n in range(2_000, 2_060)]
    await log.append(strong + weak)
    placed = await log.window(ANN, SEEN)
    assert placed.window == window(*strong, *weak)
    assert len(placed.window.shots) == 50


async def test_the_writer_outlives_what_nobody_foresaw(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: AsyncConnection, __: Mapping[Key, Event]) -> Committed:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(event_log, "insert_events", broken)
        with pytest.raises(StorageUnavailable):
            await log.append([click(ANN, 1)])
    assert (await log.append([click(ANN, 1)])).new == (True,)


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://nobody@127.0.0.1:1/none", "sqlite+aiosqlite:///{}/missing"]
)
async def test_an_unreachable_database_is_told(url: str, tmp_path: Path) -> None:
    database = await Database.open(url.format(tmp_path), "thaw")
    (tmp_path / "missing").mkdir()
    log = EventLog(database)
    log.start()
    with pytest.raises(StorageUnavailable):
        await log.append([click(ANN, 1)])
    with pytest.raises(StorageUnavailable):
        await log.window(ANN, SEEN)
    with pytest.raises(StorageUnavailable):
        await database.ping()
    await log.close()
    await database.close()
    let_sqlite_threads_end()


async def test_nothing_is_nothing(log: EventLog) -> None:
    assert await log.append([]) == Appended((), {}, {})


async def test_the_recently_active_are_members_by_their_last_event(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "RECENT_PAGE", 3)
    monkeypatch.setattr(event_log, "RECENT_EVENTS", 300)
    crowd = [Entity(Namespace.USER, f"u{n}") for n in range(5)]
    await log.append([click(who, n) for n, who in enumerate(crowd)])
    await log.append([click(crowd[1], n) for n in range(20, 30)])
    await log.append([click(GUEST, 50), click(crowd[3], 10), replace(click(BOB, 10), weight=0.0)])
    recent = [crowd[1], crowd[3], BOB, crowd[4], crowd[2], crowd[0]]
    assert await log.recently_active(100) == recent
    assert await log.recently_active(2) == recent[:2]
    monkeypatch.setattr(event_log, "RECENT_EVENTS", 12)
    assert await log.recently_active(100) == recent[:3]
