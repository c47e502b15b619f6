"""Coalescing, bounds and deadlines of the batcher."""

import asyncio

import pytest

from app.engine.batcher import Batcher
from app.engine.engine import Engine
from app.engine.request import Ranked, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import Overloaded

REQUEST = RankRequest(shots=(), k=1)


class Gate:
    """Ranks nothing until it is opened, and remembers the batches it was given."""

    def __init__(self, *, fail: bool = False) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.batches: list[int] = []
        self.fail = fail

    async def rank_many(self, snapshot: Snapshot, requests: list[RankRequest]) -> list[Ranked]:
        self.batches.append(len(requests))
        self.reached.set()
        await self.opened.wait()
        if self.fail:
            raise RuntimeError("the device is gone")
        answer = Ranked((), "prior", 0, 0, 0.0, snapshot.version, snapshot.epoch, None)
        return [answer] * len(requests)


async def test_requests_that_arrive_during_a_batch_ride_in_the_next(engine: Engine) -> None:
    gate, snapshot = Gate(), engine.pinned()
    batcher = Batcher(gate.rank_many, batch_limit=3, queue_limit=10)
    batcher.start()
    first = asyncio.create_task(batcher.rank(snapshot, REQUEST, 5))
    await gate.reached.wait()
    rest = [asyncio.create_task(batcher.rank(snapshot, REQUEST, 5)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(first, *rest)
    assert gate.batches == [1, 3, 2]
    await batcher.close()


async def test_who_makes_a_batch_fail_fails_alone(engine: Engine) -> None:
    guilty, snapshot = RankRequest(shots=(), k=7), engine.pinned()

    async def rank_many(snapshot: Snapshot, requests: list[RankRequest]) -> list[Ranked]:
        if guilty in requests:
            raise OverflowError
        return await engine._rank_many(snapshot, requests)

    batcher = Batcher(rank_many, batch_limit=8, queue_limit=10)
    batcher.start()
    asked = [REQUEST, guilty, REQUEST, REQUEST]
    answers = await asyncio.gather(
        *(batcher.rank(snapshot, one, 5) for one in asked), return_exceptions=True
    )
    assert [type(one) for one in answers] == [Ranked, OverflowError, Ranked, Ranked]
    await batcher.close()


async def test_a_full_queue_refuses_at_once(engine: Engine) -> None:
    gate, snapshot = Gate(), engine.pinned()
    batcher = Batcher(gate.rank_many, batch_limit=1, queue_limit=2)
    batcher.start()
    tasks = [asyncio.create_task(batcher.rank(snapshot, REQUEST, 5))]
    await gate.reached.wait()
    tasks += [asyncio.create_task(batcher.rank(snapshot, REQUEST, 5)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await batcher.rank(snapshot, REQUEST, 5)
    gate.opened.set()
    await asyncio.gather(*tasks)
    await batcher.close()


async def test_who_waited_too_long_is_not_ranked_at_all(engine: Engine) -> None:
    gate, snapshot = Gate(), engine.pinned()
    batcher = Batcher(gate.rank_many, batch_limit=8, queue_limit=8)
    batcher.start()
    first = asyncio.create_task(batcher.rank(snapshot, REQUEST, 5))
    await gate.reached.wait()
    with pytest.raises(TimeoutError):
        await batcher.rank(snapshot, REQUEST, 0.01)
    gate.opened.set()
    await first
    await batcher.close()
    assert gate.batches == [1]


async def test_a_failing_batch_fails_its_requests_and_the_batcher_lives_on(engine: Engine) -> None:
    gate, snapshot = Gate(fail=True), engine.pinned()
    gate.opened.set()
    batcher = Batcher(gate.rank_many, batch_limit=8, queue_limit=8)
    batcher.start()
    with pytest.raises(RuntimeError, match="device is gone"):
        await batcher.rank(snapshot, REQUEST, 5)
    gate.fail = False
    assert (await batcher.rank(snapshot, REQUEST, 5)).mode == "prior"
    await batcher.close()
