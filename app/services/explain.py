"""Why is it in the list? The support is adapted to again with each event left out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.domain import Entity, Shot
from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot
from app.errors import StorageUnavailable
from app.services.parts import Parts
from app.services.question import Reason

REASONS = 3
"""Of one item, at most: those that lift it most."""
LEAST = 0.0005


async def reasons(
    parts: Parts,
    snapshot: Snapshot,
    request: RankRequest,
    entity: Entity | None,
    item_ids: Sequence[str],
    within: float,
) -> Mapping[str, tuple[Reason, ...]]:
    """By item, the events without which it would score less (its influence, Cook 1977).

    All supports of one event less are adapted in the same device batch as that of `request`.
    Raises `TimeoutError` and `Overloaded`.
    """
    known = [shot for shot in request.shots if shot.item_id in snapshot.frozen.index]
    alone = replace(request, k=len(item_ids), candidates=frozenset(item_ids), exclude=())
    without = [
        replace(alone, shots=tuple(one for one in request.shots if one is not shot), fast=None)
        for shot in known
    ]
    answers = await asyncio.gather(
        *(parts.engine.rank(snapshot, one, within) for one in (alone, *without))
    )
    scores, *others = [{item.item_id: item.score for item in one.items} for one in answers]
    events = await _event_ids(parts, entity, known)
    return {
        item_id: _strongest(
            [
                Reason(shot.item_id, events.get(shot.item_id), round(score - other[item_id], 6))
                for shot, other in zip(known, others, strict=True)
                if shot.item_id != item_id and item_id in other
            ]
        )
        for item_id, score in scores.items()
    }


def _strongest(found: list[Reason]) -> tuple[Reason, ...]:
    lifting = [reason for reason in found if reason.contribution >= LEAST]
    return tuple(sorted(lifting, key=lambda one: (-one.contribution, one.item_id))[:REASONS])


async def _event_ids(
    parts: Parts, entity: Entity | None, shots: Sequence[Shot]
) -> Mapping[str, str]:
    if entity is None or not shots:
        return {}
    try:
        return await parts.log.event_ids(entity, [shot.item_id for shot in shots])
    except StorageUnavailable:
        return {}
