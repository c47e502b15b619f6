"""What would other meta-weights have earned? Told from lists that chance has drawn, without serving
them to anybody.

The version ranks what each list was drawn from, for the person as it was then, and the chances that
it gives the list are compared with those it had (`app.services.offpolicy`). It is judged by the
order that it brings into the pools of the versions that served, not by what else it might find.
"""

import asyncio
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot
from app.errors import InvalidRequest, Overloaded, ReloadInProgress
from app.services.impact import DAY_MS
from app.services.intervals import Interval, rate
from app.services.offpolicy import OffPolicy, Trace, evaluate
from app.services.parts import Parts
from app.services.question import BoostDraft, Question
from app.services.recommend import NOBODY
from app.services.reload import prepare
from app.services.reorder import chances
from app.services.scenario import wanted
from app.stores.explored import Explored, Outcome

LISTS = 5_000
"""The newest that are read."""
FEWEST_LISTS = 100
FEWEST_EFFECTIVE = 100.0
"""Impressions; with fewer, the interval itself would be a guess."""
TOGETHER = 64
WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Estimate:
    version: str
    since: int
    until: int
    lists: int
    """Lists that were drawn by chance, and of which an impression tells."""
    people: int
    gone: int
    """Lists left out: an item of them, or a scenario, is there no more."""
    observed_click_rate: Interval | None
    """Of these lists as they were."""
    observed_positive_rate: Interval | None
    of: OffPolicy

    @property
    def undecided(self) -> str | None:
        """Why this tells nothing yet, and what to do."""
        if self.lists < FEWEST_LISTS:
            return (
                f"{self.lists} explored lists with impressions, at least {FEWEST_LISTS} are "
                'needed: ask for some lists with "exploration": 0.5, or set it for a scenario '
                "(THAW_SCENARIOS), and send impressions and clicks with their request_id"
            )
        if self.of.effective < FEWEST_EFFECTIVE:
            return (
                f"the lists of this version are so different that {self.of.impressions} "
                f"impressions tell as much of it as {self.of.effective:g} of its own; at least "
                f"{FEWEST_EFFECTIVE:g} are needed: explore more, or longer"
            )
        return None


async def estimate(parts: Parts, version: str, days: int, now: int) -> Estimate:
    """Of the explored lists of the last `days`; `now` in ms.

    Raises `UnknownWeights`, `WeightsRejected`, `ReloadInProgress`, `StorageUnavailable`, and
    `Overloaded` where the device has no room for it.
    """
    if parts.reloading.locked():
        raise ReloadInProgress
    since = now - days * DAY_MS
    async with parts.reloading:
        snapshot = await prepare(parts, version, now)
        told = [
            (one, outcome)
            for one, outcome in await parts.explored.read(since, LISTS)
            if not outcome.seen.isdisjoint(item_id for item_id, _ in one.drawn)
        ]
        found: list[Trace | None] = []
        for start in range(0, len(told), TOGETHER):
            some = told[start : start + TOGETHER]
            found += await asyncio.gather(*(_trace(parts, snapshot, *pair) for pair in some))
    traces = [trace for trace in found if trace is not None]
    return Estimate(
        version=snapshot.version,
        since=since,
        until=now,
        lists=len(traces),
        people=len({trace.person for trace in traces}),
        gone=len(found) - len(traces),
        observed_click_rate=_observed(traces, [trace.clicked for trace in traces]),
        observed_positive_rate=_observed(traces, [trace.positive for trace in traces]),
        of=await to_thread(evaluate, traces),
    )


async def _trace(parts: Parts, snapshot: Snapshot, one: Explored, outcome: Outcome) -> Trace | None:
    """None for a list that cannot be asked for any more."""
    question = Question(
        entity=None,
        scenario=one.scenario,
        boosts=tuple(BoostDraft(*boost) for boost in one.boosts),
    )
    try:
        wish = wanted(parts.policy.scenarios, question, snapshot.columns, NOBODY, one.drawn_at)
    except InvalidRequest:
        return None
    request = RankRequest(
        shots=tuple(one.shots),
        k=len(one.pool),
        profile=snapshot.frozen.profile(one.profile),
        candidates=frozenset(one.pool),
        wishes=wish.wishes,
    )
    try:
        ranked = await parts.engine.rank(snapshot, request, WITHIN_SECONDS)
    except TimeoutError as error:
        raise Overloaded("ranking") from error
    places = {item.item_id: place for place, item in enumerate(ranked.items)}
    item_ids = [item_id for item_id, _ in one.drawn]
    if not places.keys() >= set(item_ids):
        return None
    scores = [item.score for item in ranked.items]
    return Trace(
        person=str(one.entity),
        logged=[chance for _, chance in one.drawn],
        wanted=chances(scores, [places[item_id] for item_id in item_ids], one.temperature),
        seen=[item_id in outcome.seen for item_id in item_ids],
        clicked=[item_id in outcome.clicked for item_id in item_ids],
        positive=[item_id in outcome.positive for item_id in item_ids],
    )


def _observed(traces: Sequence[Trace], outcomes: Sequence[Sequence[bool]]) -> Interval | None:
    happened = [
        one
        for trace, told in zip(traces, outcomes, strict=True)
        for seen, one in zip(trace.seen, told, strict=True)
        if seen
    ]
    return rate(sum(happened), len(happened))
