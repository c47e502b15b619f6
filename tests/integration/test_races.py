"""Every race between SQL and Redis, played step by step on real servers: no luck, no sleeping.

A pause point is either the gap between two calls, or a `Gate` in the line to Redis.
"""

import asyncio

import pytest
from sqlalchemy import update

from app.domain import Entity, FastWeights, Position, Window
from app.errors import StorageUnavailable
from app.services.sweep import sweep
from app.stores import keys
from app.stores.append import Appended
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.pending import PendingWatch
from app.stores.redis import Redis, connect
from app.stores.support import SupportStore
from app.stores.tables import EntityRow
from tests.app.stores.given import ANN, BOB, SEEN, click, window
from tests.integration.lines import Cut, Gate, store


async def ingest(log: EventLog, support: SupportStore, *numbers: int) -> Appended:
    """What the service does with events: commit, then let Redis follow."""
    appended = await log.append([click(ANN, number) for number in numbers])
    await support.merge(appended.writes(SEEN))
    log.mark_applied(appended.positions)
    return appended


async def read(log: EventLog, support: SupportStore, watch: PendingWatch, who: Entity) -> Window:
    """What the service does for an answer: Redis if it may be trusted, else SQL."""
    [remembered] = await support.load([who])
    placed = remembered.placed
    if placed is not None and watch.is_fresh(who, placed.position):
        return placed.window
    while True:
        placed = await log.window(who, SEEN)
        if await support.install(who, placed, remembered.claim) not in ("outdated", "refused"):
            return placed.window


async def meet(log: EventLog, support: SupportStore) -> str:
    """What a question does to an empty Redis. Returns the claim."""
    [remembered] = await support.load([ANN])
    assert remembered.placed is None
    assert await support.install(ANN, await log.window(ANN, SEEN), remembered.claim) == "stored"
    return remembered.claim


async def settle(log: EventLog, watch: PendingWatch) -> None:
    """Lets the notes go of all that was applied, and the watch see it."""
    await log.close()
    log.start()
    await watch.poll()
    assert watch.is_fresh(ANN)


async def trusted(support: SupportStore, watch: PendingWatch) -> Window | None:
    """The window that a reader would take from Redis without asking SQL."""
    [remembered] = await support.load([ANN])
    placed = remembered.placed
    fresh = placed is not None and watch.is_fresh(ANN, placed.position)
    return placed.window if placed is not None and fresh else None


async def raise_generation(database: Database, entity: Entity) -> None:
    async with database.write() as connection:
        await connection.execute(
            update(EntityRow)
            .where(EntityRow.entity == str(entity))
            .values(generation=EntityRow.generation + 1)
        )


async def test_a_slow_rebuild_loses_against_ingest(
    log: EventLog, support: SupportStore, watch: PendingWatch
) -> None:
    await ingest(log, support, 1)
    [slow_reader] = await support.load([ANN])
    slow = await log.window(ANN, SEEN)
    await ingest(log, support, 2)
    await watch.poll()
    assert await support.install(ANN, slow, slow_reader.claim) == "outdated"
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))
    await log.close()
    await watch.poll()
    assert await trusted(support, watch) == window(click(ANN, 1), click(ANN, 2))


async def test_a_rebuild_from_before_a_memory_loss_changes_nothing(
    log: EventLog, support: SupportStore, watch: PendingWatch, redis: Redis
) -> None:
    """The tombstone that would have refused it is gone, and so is the note."""
    await log.append([click(ANN, 1)])
    [slow_reader] = await support.load([ANN])
    slow = await log.window(ANN, SEEN)
    await ingest(log, support, 2)
    await settle(log, watch)
    await redis.run([("FLUSHALL",)])
    assert await support.install(ANN, slow, slow_reader.claim) == "missing"
    [next_reader] = await support.load([ANN])
    assert await support.install(ANN, slow, slow_reader.claim) == "invalidated"
    assert await trusted(support, watch) is None
    fresh = await log.window(ANN, SEEN)
    assert await support.install(ANN, fresh, next_reader.claim) == "stored"
    assert await support.install(ANN, slow, slow_reader.claim) == "outdated"
    assert await trusted(support, watch) == window(click(ANN, 1), click(ANN, 2))


async def test_a_late_tombstone_does_not_let_an_old_rebuild_in(
    log: EventLog, support: SupportStore, watch: PendingWatch, redis: Redis
) -> None:
    """The rebuild is as new as the tombstone; what is newer than both left no trace in Redis."""
    await log.append([click(ANN, 1)])
    [slow_reader] = await support.load([ANN])
    slow = await log.window(ANN, SEEN)
    await ingest(log, support, 2)
    await settle(log, watch)
    await redis.run([("FLUSHALL",)])
    assert await support.invalidate({ANN: slow.position}) == ["missing"]
    await support.load([ANN])
    assert await support.invalidate({ANN: slow.position}) == ["invalidated"]
    assert await support.install(ANN, slow, slow_reader.claim) == "kept"
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


@pytest.mark.parametrize("claimed_again", [False, True])
@pytest.mark.parametrize("known_before", [False, True])
async def test_a_writer_from_before_a_memory_loss_places_no_window(
    log: EventLog,
    support: SupportStore,
    watch: PendingWatch,
    redis: Redis,
    gate: Gate,
    known_before: bool,
    claimed_again: bool,
) -> None:
    """It read its base, or that there is none, before a later writer came and went."""
    if known_before:
        await ingest(log, support, 1)
    await meet(log, support)
    held_back = await log.append([click(ANN, 2)])
    gate.hold_after(1)
    held = asyncio.create_task(store(gate).merge(held_back.writes(SEEN)))
    await gate.reached.wait()
    await ingest(log, support, 3)
    await settle(log, watch)
    await redis.run([("FLUSHALL",)])
    if claimed_again:
        await support.load([ANN])
    gate.opened.set()
    assert await held == ["invalidated" if claimed_again else "missing"]
    assert await trusted(support, watch) is None
    everything = await log.window(ANN, SEEN)
    assert len(everything.window.shots) == 2 + known_before
    assert await read(log, support, watch, ANN) == everything.window


async def test_a_writer_that_comes_after_a_memory_loss_places_no_first_window(
    log: EventLog, support: SupportStore, watch: PendingWatch, redis: Redis
) -> None:
    """It brings the first event of all, and yet it is not the last."""
    late = await log.append([click(ANN, 1)])
    await ingest(log, support, 2)
    await settle(log, watch)
    assert await support.merge(late.writes(SEEN)) == ["missing"]
    await support.load([ANN])
    assert await support.merge(late.writes(SEEN)) == ["invalidated"]
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


async def test_a_slow_rebuild_cannot_bring_back_an_erased_user(
    log: EventLog, support: SupportStore, database: Database
) -> None:
    await log.append([click(ANN, 1)])
    [slow_reader] = await support.load([ANN])
    slow = await log.window(ANN, SEEN)
    await raise_generation(database, ANN)
    erased = Position(1, 1)
    await support.invalidate({ANN: erased})
    assert await support.install(ANN, slow, slow_reader.claim) == "refused"
    fast = FastWeights("v1", slow.window.digest, b"", 1, 0)
    assert await support.put_fast(ANN, slow.position, fast) == "refused"
    [remembered] = await support.load([ANN])
    assert (remembered.placed, remembered.fast) == (None, None)
    assert (await log.window(ANN, SEEN)).position == erased


async def test_a_slow_ingest_cannot_bring_back_an_erased_user(
    log: EventLog, support: SupportStore, database: Database
) -> None:
    await meet(log, support)
    late = await log.append([click(ANN, 1)])
    await raise_generation(database, ANN)
    await support.invalidate({ANN: Position(1, 1)})
    assert await support.merge(late.writes(SEEN)) == ["refused"]
    after = await log.append([click(ANN, 2)])
    assert after.positions == {ANN: Position(1, 2)}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_redis_lost_between_commit_and_apply_is_never_trusted(
    log: EventLog, support: SupportStore, watch: PendingWatch, cut: Cut, moment: str
) -> None:
    await meet(log, support)
    await ingest(log, support, 1)
    await settle(log, watch)
    assert await trusted(support, watch) == window(click(ANN, 1))
    setattr(cut, moment, True)
    with pytest.raises(StorageUnavailable):
        await ingest(log, store(cut), 2)
    await watch.poll()  # what waiting for one lease guarantees of every process
    assert await trusted(support, watch) in (None, window(click(ANN, 1), click(ANN, 2)))
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


async def test_a_crash_between_commit_and_apply_is_healed_by_the_sweeper(
    log: EventLog, support: SupportStore, watch: PendingWatch
) -> None:
    await meet(log, support)
    await ingest(log, support, 1)
    await log.append([click(ANN, 2)])  # and the process dies here
    assert (await support.load([ANN]))[0].placed is not None
    await watch.poll()
    assert not watch.is_fresh(ANN, Position(0, 1))
    assert await sweep(log, support, grace_seconds=60) == 0
    assert await sweep(log, support, grace_seconds=0) == 1
    await log.close()
    assert await log.pending(10) == {}
    await watch.poll()
    assert watch.is_fresh(ANN)
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))
    assert await trusted(support, watch) == window(click(ANN, 1), click(ANN, 2))


async def test_a_sweeper_that_cannot_reach_redis_keeps_the_notes(log: EventLog, cut: Cut) -> None:
    await log.append([click(ANN, 1)])
    cut.before = True
    with pytest.raises(StorageUnavailable):
        await sweep(log, store(cut), grace_seconds=0)
    await log.close()
    assert await log.pending(10) == {ANN: Position(0, 1)}


async def test_a_sweeper_ahead_of_its_request_costs_a_rebuild_only(
    log: EventLog, support: SupportStore, watch: PendingWatch
) -> None:
    await ingest(log, support, 1)
    await meet(log, support)
    appended = await log.append([click(ANN, 2)])
    await sweep(log, support, grace_seconds=0)
    await watch.poll()
    assert await support.merge(appended.writes(SEEN)) == ["kept"]
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


async def test_two_writers_out_of_order(
    log: EventLog, support: SupportStore, watch: PendingWatch, gate: Gate
) -> None:
    """The first writer is held between its read of Redis and its write."""
    await meet(log, support)
    first = await log.append([click(ANN, 1)])
    gate.hold_after(1)
    held = asyncio.create_task(store(gate).merge(first.writes(SEEN)))
    await gate.reached.wait()
    second = await log.append([click(ANN, 2)])
    assert await support.merge(second.writes(SEEN)) == ["invalidated"]
    gate.opened.set()
    assert await held == ["outdated"]
    assert await trusted(support, watch) is None
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


async def test_a_writer_that_read_an_old_window_cannot_write_over_a_new_one(
    log: EventLog, support: SupportStore, gate: Gate
) -> None:
    await meet(log, support)
    await ingest(log, support, 1)
    second = await log.append([click(ANN, 2)])
    gate.hold_after(1)
    held = asyncio.create_task(store(gate).merge(second.writes(SEEN)))
    await gate.reached.wait()
    await support.merge(second.writes(SEEN))
    await ingest(log, support, 3)
    gate.opened.set()
    assert await held == ["outdated"]
    [remembered] = await support.load([ANN])
    assert remembered.placed is not None
    assert remembered.placed.window == window(*(click(ANN, n) for n in (1, 2, 3)))


async def test_eviction_and_rebuild_give_the_same_digest(
    log: EventLog, support: SupportStore, watch: PendingWatch, redis: Redis
) -> None:
    await meet(log, support)
    for number in range(70):
        await ingest(log, support, number, number + 1_000)
    await log.close()
    await watch.poll()
    grown = await trusted(support, watch)
    assert grown is not None
    await redis.run([("DEL", keys.window("thaw", ANN))])
    assert await trusted(support, watch) is None
    rebuilt = await read(log, support, watch, ANN)
    assert (rebuilt, rebuilt.digest) == (grown, grown.digest)
    assert await trusted(support, watch) == grown


async def test_delivery_twice_counts_once(log: EventLog, support: SupportStore) -> None:
    await meet(log, support)
    await ingest(log, support, 1)
    before = await support.load([ANN])
    assert before[0].placed is not None
    again = await ingest(log, support, 1)
    assert again.new == (False,)
    assert again.writes(SEEN) == ()
    assert await support.load([ANN]) == before


async def test_a_retry_heals_what_a_crash_left(
    log: EventLog, support: SupportStore, watch: PendingWatch
) -> None:
    """Committed, never applied, sent again: a duplicate whose note still bars Redis."""
    await meet(log, support)
    await ingest(log, support, 1)
    await log.append([click(ANN, 2)])
    await ingest_again(log, support)
    await watch.poll()
    assert await read(log, support, watch, ANN) == window(click(ANN, 1), click(ANN, 2))


async def ingest_again(log: EventLog, support: SupportStore) -> None:
    again = await log.append([click(ANN, 2)])
    assert again.new == (False,)
    await support.merge(again.writes(SEEN))
    await support.invalidate(again.positions)
    log.mark_applied(again.positions)


async def test_old_fast_weights_are_not_taken_for_a_changed_window(
    log: EventLog, support: SupportStore
) -> None:
    await meet(log, support)
    await ingest(log, support, 1)
    old = window(click(ANN, 1))
    await support.put_fast(ANN, Position(0, 1), FastWeights("v1", old.digest, b"old", 1, 0))
    await ingest(log, support, 2)
    [remembered] = await support.load([ANN])
    assert remembered.placed is not None
    assert remembered.fast is not None
    assert remembered.fast.belong_to("v1", old.digest)
    assert not remembered.fast.belong_to("v1", remembered.placed.window.digest)


async def test_a_server_killed_and_empty_gives_the_same_windows(
    log: EventLog, support: SupportStore, watch: PendingWatch, redis: Redis
) -> None:
    events = [click(who, number) for who in (ANN, BOB) for number in range(30)]
    appended = await log.append(events)
    await support.merge(appended.writes(SEEN))
    log.mark_applied(appended.positions)
    await watch.poll()
    before = [await read(log, support, watch, who) for who in (ANN, BOB)]
    await redis.run([("FLUSHALL",), ("SCRIPT", "FLUSH")])
    assert [await read(log, support, watch, who) for who in (ANN, BOB)] == before
    assert before == [window(*events[:30]), window(*events[30:])]


async def test_two_processes_tell_each_other_by_notes(
    database: Database, valkey_url: str, log: EventLog, support: SupportStore
) -> None:
    """A reader in another process: its Redis holds an older window, and it knows."""
    await meet(log, support)
    await ingest(log, support, 1)
    await log.close()
    log.start()
    other_log = EventLog(database)
    other_redis = connect(valkey_url, timeout_ms=5_000)
    other_support = SupportStore(other_redis, "thaw", ttl_seconds=3600)
    other_watch = PendingWatch(other_log, lease_seconds=30)
    await other_watch.poll()
    assert await trusted(other_support, other_watch) == window(click(ANN, 1))
    await log.append([click(ANN, 2)])
    await other_watch.poll()
    assert await trusted(other_support, other_watch) is None
    seen = await read(other_log, other_support, other_watch, ANN)
    assert seen == window(click(ANN, 1), click(ANN, 2))
    await other_redis.close()
