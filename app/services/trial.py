"""Are other meta-weights better? Both rank for people that neither was trained on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.domain import Shot
from app.engine.engine import Engine
from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot
from app.services.lists import distance
from models.evidence import MARGIN, resampled_means
from models.shapes import MOST_SHOTS

SHOTS = (1, 3, 5, 10)
DEPTH = 10
FEWEST_PEOPLE = 50
"""With less, chance decides."""
MOST_PEOPLE = 2_000
TOGETHER = 64
WITHIN_SECONDS = 60.0

Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """NDCG@10 at numbers of shots, means over people; the difference is the candidate's gain."""

    people: int
    serving: Mapping[int, float]
    candidate: Mapping[int, float]
    gain: float
    """Mean over people and shots, with its 95% interval."""
    low: float
    high: float
    moved: float
    """Mean distance of the lists of the two versions, 0 to 1."""

    @property
    def verdict(self) -> str:
        """better; or why the candidate is not to be promoted."""
        if self.people < FEWEST_PEOPLE:
            return f"undecided: {self.people} held-out people, at least {FEWEST_PEOPLE} are needed"
        before = sum(self.serving.values()) / len(self.serving)
        return "better" if self.gain > 0 and self.low > -MARGIN * before else "not better"


async def compare(
    engine: Engine, serving: Snapshot, candidate: Snapshot, histories: Sequence[Sequence[str]]
) -> Trial:
    """Each history is what one held-out person liked, in a random order.

    At k shots the first k are known, the first min(50, half) are not to be found again, and all
    others are: the protocol of `thaw evaluate`, on the lists that the service would give.
    """
    able = [history for history in histories if len(history) > 2 * SHOTS[0]][:MOST_PEOPLE]
    values = np.full((len(able), 2 * len(SHOTS)), np.nan)
    distances: list[float] = []
    for start in range(0, len(able), TOGETHER):
        some = able[start : start + TOGETHER]
        told = await asyncio.gather(*(_person(engine, (serving, candidate), one) for one in some))
        for place, (row, moved) in enumerate(told):
            values[start + place] = row
            distances.append(moved)
    if not able:
        return Trial(0, {}, {}, 0.0, 0.0, 0.0, 0.0)
    old, new = np.split(values, 2, axis=1)
    gains = np.nanmean(new - old, axis=1, keepdims=True)
    low, high = np.nanpercentile(resampled_means(gains, seed=0), [2.5, 97.5])
    used = [place for place in range(len(SHOTS)) if not np.isnan(old[:, place]).all()]
    return Trial(
        people=len(able),
        serving={SHOTS[place]: round(float(np.nanmean(old[:, place])), 4) for place in used},
        candidate={SHOTS[place]: round(float(np.nanmean(new[:, place])), 4) for place in used},
        gain=round(float(gains.mean()), 5),
        low=round(float(low), 5),
        high=round(float(high), 5),
        moved=round(float(np.mean(distances)), 4),
    )


async def _person(
    engine: Engine, snapshots: tuple[Snapshot, Snapshot], history: Sequence[str]
) -> tuple[Values, float]:
    """[2 * SHOTS] by version, then by shots; and how far the last two lists are apart."""
    pool = min(MOST_SHOTS, len(history) // 2)
    wanted = frozenset(history[pool:])
    shots = [k for k in SHOTS if k <= pool]
    lists = await asyncio.gather(
        *(
            _list(engine, snapshot, history[:k], history[:pool])
            for snapshot in snapshots
            for k in shots
        )
    )
    row = np.full(2 * len(SHOTS), np.nan)
    for place, ranked in enumerate(lists):
        version, number = divmod(place, len(shots))
        row[version * len(SHOTS) + number] = _ndcg(ranked, wanted)
    return row, distance(lists[len(shots) - 1], lists[-1])


async def _list(
    engine: Engine, snapshot: Snapshot, known: Sequence[str], pool: Sequence[str]
) -> list[str]:
    shots = tuple(Shot(item_id, 1.0, 0) for item_id in known)
    request = RankRequest(shots, DEPTH, exclude=frozenset(pool))
    ranked = await engine.rank(snapshot, request, WITHIN_SECONDS)
    return [item.item_id for item in ranked.items]


def _ndcg(ranked: Sequence[str], wanted: frozenset[str]) -> float:
    """Jarvelin & Kekalainen 2002, with gains of 0 and 1."""
    gains = [1 / log2(place + 2) for place, item_id in enumerate(ranked) if item_id in wanted]
    best = sum(1 / log2(place + 2) for place in range(min(DEPTH, len(wanted))))
    return sum(gains) / best
