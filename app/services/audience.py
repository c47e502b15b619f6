"""Whom would this item please? People ranked for an item, new ones included."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from app.domain import Entity, Namespace
from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot
from app.errors import NotFound
from app.services.parts import Parts
from app.services.recall import recall

RECENT = 10_000
"""Members who are looked at where nobody names any: those who did something last."""
TOGETHER = 64
"""Adapted and scored at a time; other requests are answered in between."""
WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Audience:
    people: tuple[tuple[str, float], ...]
    """(user id, the log of the item's share of what interests that person), best first."""
    considered: int
    """How many there was time for."""
    sampled: bool
    """Whether they are the recently active, and nobody named them."""
    weights_version: str
    epoch: int


async def audience(
    parts: Parts, item_id: str, k: int, candidates: Sequence[str] | None
) -> Audience:
    """The k people, of the named ones or of the recently active, who have not met the item yet.

    Raises `NotFound`, `WeightsMissing`, `StorageUnavailable`.
    """
    snapshot = parts.engine.pinned()
    if not snapshot.knows(item_id):
        raise NotFound("item", item_id)
    until = monotonic() + WITHIN_SECONDS
    if candidates is None:
        people = await parts.log.recently_active(RECENT)
    else:
        people = [Entity(Namespace.USER, user_id) for user_id in dict.fromkeys(candidates)]
    found: list[tuple[str, float]] = []
    considered = 0
    for start in range(0, len(people), TOGETHER):
        if start and monotonic() > until:
            break
        some = people[start : start + TOGETHER]
        considered += len(some)
        found += await _interests(parts, snapshot, item_id, some)
    found.sort(key=lambda one: (-one[1], one[0]))
    return Audience(
        tuple(found[:k]), considered, candidates is None, snapshot.version, snapshot.epoch
    )


async def _interests(
    parts: Parts, snapshot: Snapshot, item_id: str, people: Sequence[Entity]
) -> list[tuple[str, float]]:
    known = await asyncio.gather(
        *(recall(parts, one, None, parts.policy.deadline_seconds) for one in people)
    )
    requests, who = [], []
    for one, recalled in zip(people, known, strict=True):
        window = recalled.placed.window
        if item_id in window.seen or any(shot.item_id == item_id for shot in window.shots):
            continue
        profile = snapshot.frozen.profile(recalled.placed.properties)
        fast = recalled.fast
        usable = fast is not None and fast.belong_to(snapshot.version, window.digest_with(profile))
        who.append(one.id)
        requests.append(
            RankRequest(window.shots, 1, profile, fast.values if fast and usable else None)
        )
    if not requests:
        return []
    shares = await parts.engine.interest(snapshot, requests, item_id)
    return list(zip(who, shares, strict=True))
