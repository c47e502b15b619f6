"""What runs beside the requests: follow the catalogue and the desired weights, drain leftovers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from app.errors import AppError
from app.runtime import Runtime, now_ms
from app.services.reload import follow
from app.services.sweep import sweep
from app.services.sync_catalogue import sync_catalogue

log = structlog.get_logger()

FOLLOW_SECONDS = 0.25
SWEEP_SECONDS = 1.0
HEARTBEAT_SECONDS = 2.0


@asynccontextmanager
async def background(runtime: Runtime) -> AsyncIterator[None]:
    """Catch up once, then keep on in the background until the block ends."""
    for job in (_follow, _heartbeat):
        await _attempt(job, runtime)
    tasks = [
        asyncio.create_task(_forever(job, runtime, seconds), name=job.__name__)
        for job, seconds in (
            (_follow, FOLLOW_SECONDS),
            (_sweep, SWEEP_SECONDS),
            (_heartbeat, HEARTBEAT_SECONDS),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(runtime: Runtime) -> None:
    parts = runtime.parts
    await sync_catalogue(parts, now_ms())
    await follow(parts, now_ms())
    await parts.engine.refresh(now_ms())


async def _sweep(runtime: Runtime) -> None:
    await sweep(runtime.parts.log, runtime.parts.support)


async def _heartbeat(runtime: Runtime) -> None:
    parts = runtime.parts
    snapshot = parts.engine.snapshot
    version = snapshot.version if snapshot else None
    await parts.activation.heartbeat(parts.replica_id, version, parts.engine.epoch)


Job = Callable[[Runtime], Awaitable[None]]


async def _attempt(job: Job, runtime: Runtime) -> None:
    try:
        await job(runtime)
    except AppError as error:
        log.warning("job_failed", job=job.__name__, reason=str(error))
    except Exception:
        log.exception("job_crashed", job=job.__name__)


async def _forever(job: Job, runtime: Runtime, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _attempt(job, runtime)
