"""Remember an entity: its window and, if they still belong to it, its cached fast weights.

Redis is trusted only while this process holds the freshness lease and only up to what is known to
be pending; anything else is built from the log, which is the truth.
"""

import asyncio
from dataclasses import dataclass

from app.domain import Entity, FastWeights, PlacedWindow, Position, Window
from app.errors import StorageUnavailable
from app.services.parts import Parts
from app.stores.support import Remembered

REBUILDS = 3


@dataclass(frozen=True, slots=True)
class Recalled:
    placed: PlacedWindow
    fast: FastWeights | None
    """Cached; may belong to another window or version."""
    degraded: str | None
    """None, or why this may not be the newest state."""


NOTHING = Remembered(None, None)


async def recall(
    parts: Parts, entity: Entity, at_least: Position | None, within: float
) -> Recalled:
    """The state of `entity`, at `at_least` or later unless `degraded` says otherwise.

    The log gets `within` seconds to answer.
    """
    redis_answers = True
    try:
        [remembered] = await parts.support.load([entity])
    except StorageUnavailable:
        redis_answers, remembered = False, NOTHING
    placed = remembered.placed
    if placed is not None and _may_trust(parts, entity, placed, at_least):
        return Recalled(placed, remembered.fast, None)
    try:
        async with asyncio.timeout(within):
            if placed is not None:
                await parts.pending.renew()
                if _may_trust(parts, entity, placed, at_least):
                    return Recalled(placed, remembered.fast, None)
            rebuilt = await _rebuild(parts, entity, remembered.claim)
    except (StorageUnavailable, TimeoutError):
        best = placed or PlacedWindow(Window(), Position(0, 0))
        reason = "database_unavailable" if redis_answers else "storage_unavailable"
        return Recalled(best, remembered.fast, reason)
    behind = not _reaches(rebuilt.position, at_least)
    return Recalled(rebuilt, remembered.fast, "watermark_not_reached" if behind else None)


async def _rebuild(parts: Parts, entity: Entity, claim: str) -> PlacedWindow:
    placed = await parts.log.window(entity, parts.policy.seen_types)
    for _ in range(REBUILDS if claim else 0):
        try:
            outcome = await parts.support.install(entity, placed, claim)
        except StorageUnavailable:
            break
        if outcome not in ("outdated", "refused"):
            break
        placed = await parts.log.window(entity, parts.policy.seen_types)
    return placed


def _may_trust(
    parts: Parts, entity: Entity, placed: PlacedWindow, at_least: Position | None
) -> bool:
    return parts.pending.is_fresh(entity, placed.position) and _reaches(placed.position, at_least)


def _reaches(position: Position, at_least: Position | None) -> bool:
    return at_least is None or position >= at_least
