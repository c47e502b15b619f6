"""Swap the meta-weights with no downtime: load, validate, warm, swap one reference.

Whatever goes wrong before the swap leaves the old meta-weights serving.
"""

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import structlog

from app.engine.snapshot import Snapshot
from app.errors import ReloadInProgress, UnknownWeights, WeightsMissing, WeightsRejected
from app.services.parts import Parts
from app.stores.activation import Replica
from models import weights as meta_weights
from models.errors import ModelError, WeightsError

log = structlog.get_logger()

REPLICA_AGE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reloaded:
    version: str
    previous: str | None
    checks: tuple[str, ...]
    """What was verified, in order; a check that fails ends the reload with `WeightsRejected`."""
    replicas: Sequence[Replica]
    took_ms: float


async def reload(parts: Parts, version: str | None, *, dry_run: bool, now: int) -> Reloaded:
    """Serve from `version`, or from the newest if None; with `dry_run` only try it out.

    Raises `UnknownWeights`, `WeightsMissing`, `WeightsRejected`, `ReloadInProgress`, and
    `StorageUnavailable` if the choice cannot be made durable, in which case nothing changes.
    """
    if parts.reloading.locked():
        raise ReloadInProgress
    async with parts.reloading:
        started = perf_counter()
        previous = parts.engine.snapshot
        prepared = await _prepare(parts, version, now)
        if not dry_run:
            await parts.activation.activate(prepared.version)
            await parts.engine.swap(prepared, now)
            await parts.activation.heartbeat(parts.replica_id, prepared.version, parts.engine.epoch)
        return Reloaded(
            version=prepared.version,
            previous=previous.version if previous else None,
            checks=("manifest", "checksum", "names", "shapes", "dtypes", "finite", "smoke_rank"),
            replicas=await parts.activation.replicas(REPLICA_AGE_SECONDS),
            took_ms=(perf_counter() - started) * 1000,
        )


async def follow(parts: Parts, now: int) -> None:
    """Serve what the shared desired version says; where nothing serves yet, whatever can.

    Raises `WeightsMissing`, `WeightsRejected`, `UnknownWeights`, `StorageUnavailable`.
    """
    desired, previous = await parts.activation.desired()
    current = parts.engine.snapshot
    if parts.reloading.locked() or (current is not None and desired in (None, current.version)):
        return
    async with parts.reloading:
        fallbacks = [previous, None] if current is None else []
        prepared = await _first_that_works(parts, [desired, *fallbacks], now)
        await parts.engine.swap(prepared, now)


async def _first_that_works(parts: Parts, versions: Sequence[str | None], now: int) -> Snapshot:
    *earlier, last = versions
    for version in earlier:
        try:
            return await _prepare(parts, version, now)
        except (UnknownWeights, WeightsRejected) as error:
            log.warning("weights_refused", version=version, reason=str(error))
    return await _prepare(parts, last, now)


async def _prepare(parts: Parts, version: str | None, now: int) -> Snapshot:
    directory = parts.policy.weights_directory
    if version is None:
        manifests = await to_thread(meta_weights.list_manifests, directory)
        if not manifests:
            raise WeightsMissing(str(directory))
        version = manifests[0].version
    elif version not in await to_thread(_names, directory):
        raise UnknownWeights(version)
    try:
        loaded = await to_thread(meta_weights.load, directory, version)
        return await parts.engine.prepare(loaded, now)
    except WeightsError as error:
        raise WeightsRejected(version, error.reason, error.tensor) from error
    except ModelError as error:
        raise WeightsRejected(version, str(error)) from error


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()] if directory.is_dir() else []
