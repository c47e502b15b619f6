"""Coalesces concurrent requests into device batches.

No timer: while the device works on one batch the next one fills, and a batch leaves in the first
turn of the event loop in which nobody has joined it. So an idle service adds no latency, and a busy
one fills its batches.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from time import monotonic

from app.engine.request import Ranked, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import Overloaded
from app.metrics import observe_batch

RankMany = Callable[[Snapshot, list[RankRequest]], Awaitable[list[Ranked]]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    snapshot: Snapshot
    request: RankRequest
    since: float
    deadline: float
    answer: asyncio.Future[Ranked]


class Batcher:
    """A bounded queue in front of `rank_many`.

    Args:
        rank_many: ranks requests that share one snapshot.
        batch_limit: most requests in one batch.
        queue_limit: most requests waiting; one more raises `Overloaded`.
    """

    def __init__(self, rank_many: RankMany, *, batch_limit: int, queue_limit: int) -> None:
        self._rank_many = rank_many
        self._batch_limit = batch_limit
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(queue_limit)
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.create_task(self._work(), name="batcher")

    async def close(self) -> None:
        """Answer what is waiting, then stop."""
        await self._queue.join()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def rank(self, snapshot: Snapshot, request: RankRequest, within: float) -> Ranked:
        """Raises `Overloaded` if the queue is full, `TimeoutError` after `within` seconds."""
        now = monotonic()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Ranked] = loop.create_future()
        try:
            self._queue.put_nowait(_Waiting(snapshot, request, now, now + within, answer))
        except asyncio.QueueFull:
            raise Overloaded("ranking") from None
        expiry = loop.call_later(within, _expire, answer)  # a fifth of what asyncio.timeout costs
        try:
            return await answer
        finally:
            expiry.cancel()

    async def _work(self) -> None:
        while True:
            taken = [await self._queue.get()]
            while len(taken) < self._batch_limit:
                if self._queue.empty():
                    await asyncio.sleep(0)
                    if self._queue.empty():
                        break
                taken.append(self._queue.get_nowait())
            try:
                await self._answer(taken)
            finally:
                for _ in taken:
                    self._queue.task_done()

    async def _answer(self, taken: list[_Waiting]) -> None:
        now = monotonic()
        live = [one for one in taken if not one.answer.done() and now < one.deadline]
        observe_batch(len(live), [now - one.since for one in live])
        live.sort(key=lambda one: id(one.snapshot))
        for _, group in groupby(live, key=lambda one: id(one.snapshot)):
            await self._together(list(group))

    async def _together(self, same: list[_Waiting]) -> None:
        """Of one snapshot; where a batch fails each is tried alone, so that only the guilty pay."""
        try:
            ranked = await self._rank_many(same[0].snapshot, [one.request for one in same])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            if len(same) > 1:
                for one in same:
                    await self._together([one])
            elif not same[0].answer.done():
                same[0].answer.set_exception(error)
            return
        for one, result in zip(same, ranked, strict=True):
            if not one.answer.done():
                one.answer.set_result(result)


def _expire(answer: asyncio.Future[Ranked]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
