"""How would lists move? Some of the people in the log, ranked by two versions, side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from app.domain import Entity
from app.engine.request import Ranked, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import Overloaded, StorageUnavailable
from app.services.lists import distance
from app.services.parts import Parts

PEOPLE = 100
DEPTH = 10
WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Shadow:
    """Distances are those of `app.services.lists`, from the version that serves; 0 to 1."""

    people: int
    mean_distance: float
    largest_distance: float
    first_changed: float
    """The share of people whose first item would be another."""


async def shadow(parts: Parts, serving: Snapshot, prepared: Snapshot) -> Shadow | None:
    """None where nobody is known, or nobody can be asked for in time."""
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            people = await parts.log.sample(PEOPLE)
            if not people:
                return None
            pairs = [await _lists(parts, person, (serving, prepared)) for person in people]
    except (StorageUnavailable, Overloaded, TimeoutError):
        return None
    distances = [distance(old, new) for old, new in pairs]
    return Shadow(
        people=len(pairs),
        mean_distance=round(fmean(distances), 4),
        largest_distance=round(max(distances), 4),
        first_changed=round(fmean(old[:1] != new[:1] for old, new in pairs), 4),
    )


async def _lists(
    parts: Parts, person: Entity, snapshots: Sequence[Snapshot]
) -> tuple[list[str], list[str]]:
    placed = await parts.log.window(person, parts.policy.seen_types)
    old, new = await asyncio.gather(
        *(
            parts.engine.rank(
                snapshot,
                RankRequest(
                    shots=placed.window.shots,
                    k=DEPTH,
                    profile=snapshot.frozen.profile(placed.properties),
                    exclude=frozenset(placed.window.seen),
                ),
                WITHIN_SECONDS,
            )
            for snapshot in snapshots
        )
    )
    return _ids(old), _ids(new)


def _ids(ranked: Ranked) -> list[str]:
    return [item.item_id for item in ranked.items]
