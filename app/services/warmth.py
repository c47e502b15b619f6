"""How well people and items are known by now."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from app.domain import Entity, Mode
from app.engine.request import RankRequest
from app.errors import NotFound, Overloaded
from app.services.lists import distance
from app.services.parts import Parts
from app.services.recall import recall

DEPTH = 50
"""Ranks that are compared with those of a stranger."""


@dataclass(frozen=True, slots=True)
class UserWarmth:
    mode: Mode
    support: int
    gate: float
    distance: float
    """Of the list from what the same person would get without any event, 0 to 1."""
    weights_version: str
    degraded: str | None


@dataclass(frozen=True, slots=True)
class ItemWarmth:
    row: Literal["trained", "content"]
    """Whether its vector was learned from what people did, or follows from its properties."""
    events: int
    """Positive events since it is in the catalogue."""
    shown: bool
    weights_version: str


async def user_warmth(parts: Parts, entity: Entity) -> UserWarmth:
    """Raises `WeightsMissing`, or `Overloaded`."""
    snapshot, within = parts.engine.pinned(), parts.policy.deadline_seconds
    recalled = await recall(parts, entity, None, within / 2)
    profile = snapshot.frozen.profile(recalled.placed.properties)
    requests = [RankRequest(shots, DEPTH, profile) for shots in ((), recalled.placed.window.shots)]
    try:
        stranger, known = await asyncio.gather(
            *(parts.engine.rank(snapshot, request, within) for request in requests)
        )
    except TimeoutError:
        raise Overloaded("ranking") from None
    lists = [[item.item_id for item in ranked.items] for ranked in (stranger, known)]
    return UserWarmth(
        known.mode, known.support, known.gate, distance(*lists), known.version, recalled.degraded
    )


async def item_warmth(parts: Parts, item_id: str) -> ItemWarmth:
    """Raises `NotFound`, `WeightsMissing` or `StorageUnavailable`."""
    snapshot = parts.engine.pinned()
    item = await parts.catalogue.get_item(item_id)
    shown = snapshot.shows(item_id)
    if item is None and not shown:
        raise NotFound("item", item_id)
    return ItemWarmth(
        row="trained" if item_id in snapshot.frozen.index else "content",
        events=item.events if item else 0,
        shown=shown,
        weights_version=snapshot.version,
    )
