"""What runs beside the requests: follow catalogue and weights, count events, heal, forget."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from app.errors import AppError
from app.metrics import count_job_failure, set_redis_bytes
from app.runtime import Runtime, now_ms
from app.services.purge import purge
from app.services.reload import follow
from app.services.sweep import sweep
from app.services.sync_catalogue import sync_catalogue
from app.stores.explored import KEPT_MS as EXPLORED_KEPT_MS
from app.stores.members import ERASED_KEPT_MS

log = structlog.get_logger()

POLL_SECONDS = 0.25
COUNT_SECONDS = 0.5
SWEEP_SECONDS = 1.0
FORGET_SECONDS = 3600.0
PURGE_SECONDS = 600.0
FLUSH_SECONDS = 5.0
HEARTBEAT_SECONDS = 2.0
MEASURE_SECONDS = 10.0
SHARE_SECONDS = 1.0
LONGEST_PAUSE = 5.0
"""Between two attempts of a job that keeps failing."""


@asynccontextmanager
async def background(runtime: Runtime) -> AsyncIterator[None]:
    """Catch up once, then keep on in the background until the block ends."""
    jobs = [
        _Job(runtime, _share_key, SHARE_SECONDS),
        _Job(runtime, _sync, POLL_SECONDS),
        _Job(runtime, _follow, POLL_SECONDS),
        _Job(runtime, _refresh, POLL_SECONDS),
        _Job(runtime, _heartbeat, HEARTBEAT_SECONDS),
        _Job(runtime, _measure_redis, MEASURE_SECONDS),
        _Job(runtime, _count, COUNT_SECONDS),
        _Job(runtime, _sweep, SWEEP_SECONDS),
        _Job(runtime, _forget, FORGET_SECONDS),
        _Job(runtime, _purge, PURGE_SECONDS),
        _Job(runtime, _flush, FLUSH_SECONDS),
    ]
    for job in jobs[:6]:
        await job.attempt()
    tasks = [asyncio.create_task(job.repeat(), name=job.name) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _share_key(runtime: Runtime) -> None:
    await runtime.parts.signing_key.share()


async def _sync(runtime: Runtime) -> None:
    """Whoever has changed the catalogue waits to see that all have followed."""
    epoch = await sync_catalogue(runtime.parts, now_ms())
    if epoch != runtime.parts.activation.told_epoch:
        await _heartbeat(runtime)


async def _follow(runtime: Runtime) -> None:
    await follow(runtime.parts, now_ms())


async def _refresh(runtime: Runtime) -> None:
    await runtime.parts.engine.refresh(now_ms())


async def _count(runtime: Runtime) -> None:
    parts, snapshot = runtime.parts, runtime.parts.engine.snapshot
    known = snapshot.frozen.index if snapshot else ()
    company = snapshot is not None and snapshot.frozen.by_company
    stubs = parts.policy.stub_items
    if await parts.popularity.count(now_ms(), stubs=stubs, known=known, company=company):
        while company and await parts.companies.refresh():
            pass


async def _sweep(runtime: Runtime) -> None:
    await sweep(runtime.parts.log, runtime.parts.support)


async def _forget(runtime: Runtime) -> None:
    parts, now = runtime.parts, now_ms()
    await parts.members.forget_erasures(now - ERASED_KEPT_MS)
    await parts.explored.forget(now - min(EXPLORED_KEPT_MS, parts.policy.retention_ms))


async def _flush(runtime: Runtime) -> None:
    await runtime.parts.explored.flush()


async def _purge(runtime: Runtime) -> None:
    await purge(runtime.parts, now_ms())


async def _heartbeat(runtime: Runtime) -> None:
    parts = runtime.parts
    snapshot = parts.engine.snapshot
    version = snapshot.version if snapshot else None
    await parts.activation.heartbeat(parts.replica_id, version, parts.engine.epoch)


async def _measure_redis(runtime: Runtime) -> None:
    set_redis_bytes(await runtime.parts.support.used_bytes())


class _Job:
    """Attempts `work` for ever, ever more rarely while it fails; says each reason once."""

    def __init__(
        self, runtime: Runtime, work: Callable[[Runtime], Awaitable[None]], seconds: float
    ) -> None:
        self._runtime, self._work, self._seconds = runtime, work, seconds
        self._pause = seconds
        self._reason: str | None = None
        self.name = work.__name__.strip("_")

    async def attempt(self) -> None:
        try:
            await self._work(self._runtime)
        except Exception as error:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            count_job_failure(self.name)
            if self._reason != str(error):
                self._reason = str(error)
                expected = isinstance(error, AppError)
                log.warning("job_failed", job=self.name, reason=self._reason, exc_info=not expected)
        else:
            self._pause, self._reason = self._seconds, None

    async def repeat(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            await self.attempt()
