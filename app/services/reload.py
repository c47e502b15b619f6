"""Swap the meta-weights with no downtime: load, validate, warm, swap one reference.

Whatever goes wrong before the swap leaves the old meta-weights serving.
"""

import asyncio
from asyncio import to_thread
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter
from uuid import uuid4

import structlog

from app.engine.snapshot import Snapshot
from app.errors import (
    AppError,
    NothingBefore,
    ReloadInProgress,
    StorageUnavailable,
    UnknownWeights,
    WeightsMissing,
    WeightsRejected,
)
from app.metrics import count_reload
from app.services.parts import Parts
from app.services.shadow import Shadow, shadow
from app.stores.activation import Replica
from app.stores.reloads import Stage
from models import weights as meta_weights
from models.errors import ModelError, WeightsError
from models.weights import Manifest

log = structlog.get_logger()

REPLICA_AGE_SECONDS = 10.0
AGREE_SECONDS = 3.0
"""Replicas look for another version four times a second, and must read it."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    reload_id: str
    version: str
    previous: str | None
    checks: tuple[str, ...]
    """What was verified, in order; a check that fails ends the reload with `WeightsRejected`."""
    replicas: Sequence[Replica]
    shadow: Shadow | None
    """How the lists of some people move; None where there is nothing to compare."""
    took_ms: float


async def reload(
    parts: Parts, version: str | None, *, dry_run: bool, now: int, reload_id: str = ""
) -> Reloaded:
    """Serve from `version`, or from the newest if None; with `dry_run` only try it out.

    How far it has come can be asked for by `reload_id`.

    Raises `UnknownWeights`, `WeightsMissing`, `WeightsRejected`, `ReloadInProgress`, and
    `StorageUnavailable` if the choice cannot be made durable, in which case nothing changes.
    """
    if parts.reloading.locked():
        raise ReloadInProgress
    reload_id = reload_id or uuid4().hex
    async with parts.reloading:
        try:
            with _counted("tried" if dry_run else "swapped"):
                return await _reload(parts, reload_id, version, dry_run=dry_run, now=now)
        except Exception as error:
            told = str(error) if isinstance(error, AppError) else "unexpected; see the log"
            await _note(parts, reload_id, "failed", version, told)
            raise


async def _reload(
    parts: Parts, reload_id: str, version: str | None, *, dry_run: bool, now: int
) -> Reloaded:
    started = perf_counter()
    serving = parts.engine.snapshot
    previous = serving.version if serving else None
    await _note(parts, reload_id, "verifying", version)
    await _alone(parts, reload_id)
    prepared = await prepare(parts, await _chosen(parts, version), now)
    await _note(parts, reload_id, "comparing", prepared.version)
    moved = await shadow(parts, serving, prepared) if serving else None
    if not dry_run:
        await _note(parts, reload_id, "swapping", prepared.version)
        await parts.activation.activate(prepared.version, previous)
        await parts.engine.swap(prepared, now)
        await _note(parts, reload_id, "agreeing", prepared.version)
        await _agreed(parts, prepared.version)
    await _note(parts, reload_id, "done", prepared.version)
    return Reloaded(
        reload_id=reload_id,
        version=prepared.version,
        previous=previous,
        checks=(
            "manifest",
            "checksum",
            "names",
            "shapes",
            "dtypes",
            "finite",
            "smoke_score",
            "smoke_rank",
        ),
        replicas=await _replicas(parts),
        shadow=moved,
        took_ms=(perf_counter() - started) * 1000,
    )


async def _alone(parts: Parts, reload_id: str) -> None:
    """Raises `ReloadInProgress` while another process changes meta-weights."""
    with suppress(StorageUnavailable):
        if await parts.reloads.is_behind_another(reload_id):
            raise ReloadInProgress


async def _note(
    parts: Parts, reload_id: str, stage: Stage, version: str | None, error: str | None = None
) -> None:
    """Without a database nobody can ask, but reloading goes on as far as it can."""
    with suppress(StorageUnavailable):
        await parts.reloads.note(reload_id, stage, version, error)


async def roll_back(parts: Parts, now: int, reload_id: str = "") -> Reloaded:
    """Serve from the version before; once more, and it is the other way round again.

    Raises what `reload` raises, and `NothingBefore`.
    """
    _, previous = await parts.activation.desired()
    if previous is None:
        raise NothingBefore
    return await reload(parts, previous, dry_run=False, now=now, reload_id=reload_id)


async def follow(parts: Parts, now: int) -> None:
    """Serve what the shared desired version says; where nothing serves yet, whatever can.

    Raises `WeightsMissing`, `WeightsRejected`, `UnknownWeights`, `StorageUnavailable`.
    """
    desired, previous = await parts.activation.desired()
    current = parts.engine.snapshot
    if parts.reloading.locked() or (current is not None and desired in (None, current.version)):
        return
    async with parts.reloading:
        versions = [desired]
        if current is None:
            versions += [previous, *(manifest.version for manifest in await _manifests(parts))]
        named = dict.fromkeys(version for version in versions if version is not None)
        prepared = await _first_that_works(parts, list(named), now)
        await parts.engine.swap(prepared, now)
        count_reload("swapped")
        if desired is None:
            await parts.activation.adopt(prepared.version)
    await _replicas(parts)  # whoever reloaded waits to see it


@contextmanager
def _counted(outcome: str) -> Iterator[None]:
    try:
        yield
    except (UnknownWeights, WeightsMissing, WeightsRejected):
        count_reload("refused")
        raise
    except AppError:
        count_reload("failed")
        raise
    count_reload(outcome)


async def _first_that_works(parts: Parts, versions: Sequence[str], now: int) -> Snapshot:
    """Raises the refusal of the last one, or `WeightsMissing` if there is none at all."""
    refusal: AppError = WeightsMissing(str(parts.policy.weights_directory))
    for version in versions:
        try:
            return await prepare(parts, version, now)
        except (UnknownWeights, WeightsRejected) as error:
            count_reload("refused")
            log.warning("weights_refused", version=version, reason=str(error))
            refusal = error
    raise refusal


async def _chosen(parts: Parts, version: str | None) -> str:
    """`version`, or the newest. Raises `UnknownWeights`, `WeightsMissing`."""
    directory = parts.policy.weights_directory
    if version is None:
        manifests = await _manifests(parts)
        if not manifests:
            raise WeightsMissing(str(directory))
        return manifests[0].version
    return version


async def _manifests(parts: Parts) -> Sequence[Manifest]:
    """Those that can serve, newest first."""
    found = await to_thread(meta_weights.list_manifests, parts.policy.weights_directory)
    return [manifest for manifest in found if manifest.side == "user"]


async def prepare(parts: Parts, version: str, now: int) -> Snapshot:
    """A version ready to rank, after all checks. Raises `UnknownWeights`, `WeightsRejected`."""
    directory = parts.policy.weights_directory
    if version not in await to_thread(_names, directory):
        raise UnknownWeights(version)
    try:
        loaded = await to_thread(meta_weights.load, directory, version)
        if loaded.side != "user":
            raise WeightsRejected(version, "they rank users for items, not items for users")
        return await parts.engine.prepare(loaded, now)
    except WeightsError as error:
        raise WeightsRejected(version, error.reason, error.tensor) from error
    except ModelError as error:
        raise WeightsRejected(version, str(error)) from error
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsRejected(version, f"ranking with them fails: {error}") from error


async def _agreed(parts: Parts, version: str) -> None:
    """Waits until every live replica serves `version`, or for as long as it is worth it."""
    until = monotonic() + AGREE_SECONDS
    while monotonic() < until:
        if all(replica.version == version for replica in await _replicas(parts)):
            return
        await asyncio.sleep(0.05)


async def _replicas(parts: Parts) -> Sequence[Replica]:
    """Everyone that was seen lately; none if the database does not answer any more."""
    snapshot = parts.engine.snapshot
    version = snapshot.version if snapshot else None
    try:
        await parts.activation.heartbeat(parts.replica_id, version, parts.engine.epoch)
        return await parts.activation.replicas(REPLICA_AGE_SECONDS)
    except StorageUnavailable:
        return ()


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()] if directory.is_dir() else []
