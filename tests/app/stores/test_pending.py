"""The freshness lease."""

import asyncio
import time
from collections.abc import Mapping
from itertools import count

import pytest

from app.domain import Entity, Position
from app.errors import StorageUnavailable
from app.stores import pending
from app.stores.event_log import EventLog
from app.stores.pending import PendingWatch
from tests.app.stores.given import ANN, BOB, click


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(log: EventLog, clock: Clock) -> PendingWatch:
    return PendingWatch(log, lease_seconds=0.5, clock=clock)


async def test_nothing_is_fresh_before_the_first_poll(watch: PendingWatch) -> None:
    assert not watch.is_fresh(ANN)
    await watch.poll()
    assert watch.is_fresh(ANN)


async def test_the_lease_runs_out_when_polls_fail(
    watch: PendingWatch, log: EventLog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.poll()

    async def unreachable(_: int) -> Mapping[Entity, Position]:
        raise StorageUnavailable("database")

    with monkeypatch.context() as patch:
        patch.setattr(log, "pending", unreachable)
        clock.now += 0.49
        await watch.poll()
        assert watch.is_fresh(ANN)
        clock.now += 0.01
        await watch.poll()
        assert not watch.is_fresh(ANN)
    await watch.poll()
    assert watch.is_fresh(ANN)


async def test_a_poll_counts_from_when_it_was_asked(
    watch: PendingWatch, log: EventLog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed while a slow answer was on its way may not be in it."""

    async def slow(_: int) -> Mapping[Entity, Position]:
        clock.now += 0.6
        return {}

    monkeypatch.setattr(log, "pending", slow)
    await watch.poll()
    assert not watch.is_fresh(ANN)


async def test_a_note_bars_only_older_windows_of_its_entity(
    watch: PendingWatch, log: EventLog
) -> None:
    await log.append([click(ANN, 1)])
    await watch.poll()
    assert not watch.is_fresh(ANN)
    assert not watch.is_fresh(ANN, Position(0, 0))
    assert watch.is_fresh(ANN, Position(0, 1))
    assert watch.is_fresh(BOB)


async def test_own_knowledge_holds_until_a_poll_can_have_seen_it(
    watch: PendingWatch, log: EventLog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.poll()
    real = log.pending

    async def overtaken(limit: int) -> Mapping[Entity, Position]:
        seen = await real(limit)
        clock.now += 0.01
        watch.add({ANN: Position(0, 1)})
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(log, "pending", overtaken)
        await watch.poll()
    assert not watch.is_fresh(ANN)
    assert watch.is_fresh(ANN, Position(0, 1))
    clock.now += 0.01
    await watch.poll()
    assert watch.is_fresh(ANN)


async def test_too_many_notes_bar_everything(
    watch: PendingWatch, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING_LIMIT", 1)
    await log.append([click(ANN, 1)])
    await watch.poll()
    assert watch.is_fresh(BOB)
    await log.append([click(BOB, 1)])
    await watch.poll()
    assert not watch.is_fresh(Entity.parse("user:nobody"))


async def test_it_polls_by_itself(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    third = asyncio.Event()
    polls = count(1)

    async def counted(_: int) -> Mapping[Entity, Position]:
        if next(polls) == 3:
            third.set()
        return {}

    monkeypatch.setattr(log, "pending", counted)
    watch = PendingWatch(log, poll_seconds=0.001, lease_seconds=60)
    await watch.start()
    assert watch.is_fresh(ANN)
    async with asyncio.timeout(10):
        await third.wait()
    await watch.close()


async def test_waiting_for_a_lease_takes_as_long_as_one(log: EventLog) -> None:
    watch = PendingWatch(log, lease_seconds=0.05)
    started = time.monotonic()
    await watch.wait_lease()
    assert time.monotonic() - started >= 0.05


async def test_one_reading_renews_the_lease_for_all_who_wait(
    watch: PendingWatch, log: EventLog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = 0
    read = log.pending

    async def counted(limit: int) -> Mapping[Entity, Position]:
        nonlocal readings
        readings += 1
        return await read(limit)

    monkeypatch.setattr(log, "pending", counted)
    await watch.poll()
    await watch.renew()
    assert readings == 1
    clock.now += 1
    assert not watch.is_fresh(ANN)
    await asyncio.gather(*(watch.renew() for _ in range(20)))
    assert readings == 2
    assert watch.is_fresh(ANN)
    await watch.close()
