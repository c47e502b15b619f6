"""Erase a person."""

from asyncio import to_thread
from contextlib import suppress
from dataclasses import dataclass

from app.domain import Entity
from app.errors import StorageUnavailable
from app.services.apply import apply
from app.services.parts import Parts
from app.services.sync_catalogue import sync_catalogue
from models.weights import list_manifests


@dataclass(frozen=True, slots=True)
class Erased:
    """`trained_before` names the meta-weights that may have learned from the person."""

    events: int
    guests: int
    had_properties: bool
    trained_before: tuple[str, ...]


async def erase(parts: Parts, member: Entity, now: int) -> Erased:
    """From its return on no answer knows the person. Safe to repeat.

    Raises `StorageUnavailable`: whether it was erased is not known then.
    """
    erasure = await parts.members.erase(member, now)
    await apply(parts, erasure.positions)
    with suppress(StorageUnavailable):  # the sweeper does it once Redis is back
        await parts.support.forget(erasure.positions)
    with suppress(StorageUnavailable):  # following does it once the database is back
        await sync_catalogue(parts, now)
    manifests = await to_thread(list_manifests, parts.policy.weights_directory)
    trained = tuple(one.version for one in manifests if one.data.get("interactions") != 0)
    return Erased(erasure.events, erasure.guests, erasure.had_properties, trained)
