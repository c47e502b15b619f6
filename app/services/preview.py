"""What if? The list of somebody made up, before and after some events. Nothing is stored."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import Event, window_of
from app.engine.request import Ranked, RankRequest
from app.errors import InvalidRequest, Overloaded
from app.services.ingest import EventDraft, judge
from app.services.lists import Move, distance, moves
from app.services.parts import Parts


@dataclass(frozen=True, slots=True)
class Preview:
    before: Ranked
    after: Ranked
    moved: tuple[Move, ...]
    distance: float


async def preview(
    parts: Parts, properties: Mapping[str, Any], drafts: Sequence[EventDraft], k: int, now: int
) -> Preview:
    """The lists of a person with `properties`, without and with what the drafts say it did.

    Raises:
        InvalidRequest: an event would not be accepted.
        WeightsMissing: there is nothing to rank with.
        Overloaded: the device has no time for it.
    """
    window = window_of(_events(parts, drafts, now), parts.policy.seen_types)
    snapshot = parts.engine.pinned()
    profile = snapshot.frozen.profile(properties)
    asked = (
        RankRequest(shots=(), k=k, profile=profile),
        RankRequest(window.shots, k, profile, exclude=frozenset(window.seen)),
    )
    within = parts.policy.deadline_seconds
    try:
        before, after = await asyncio.gather(
            *(parts.engine.rank(snapshot, request, within) for request in asked)
        )
    except TimeoutError:
        raise Overloaded("ranking") from None
    lists = [[item.item_id for item in ranked.items] for ranked in (before, after)]
    return Preview(before, after, moves(*lists), distance(*lists))


def _events(parts: Parts, drafts: Sequence[EventDraft], now: int) -> list[Event]:
    events = []
    for index, draft in enumerate(drafts):
        verdict = judge(parts.policy, draft, now)
        if not isinstance(verdict, Event):
            field, _, wanted = verdict[1].partition(": expected ")
            raise InvalidRequest(f"/events/{index}/{field}", wanted)
        events.append(verdict)
    return events
