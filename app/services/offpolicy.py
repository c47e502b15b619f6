"""What another policy would have earned, from lists that a known one drew. Pure.

The weight of what was shown at a rank is how much likelier the other policy draws the list down to
there: the product of the ratios of both chances over the ranks so far (per-decision importance
sampling, Precup, Sutton & Singh 2000), which is right as long as what comes further down does not
change what happens above. Weights are clipped (Ionides 2008), so that a few lists cannot decide,
and the sum of weighted outcomes is divided by the sum of weights: the self-normalised estimate
(SNIPS) of Swaminathan & Joachims 2015, which a constant added to all outcomes moves by just that.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from app.services.intervals import Interval, Z

LARGEST_WEIGHT = 10.0
LEAST_CHANCE = 1e-6
"""Chances are logged with six digits."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One list, by rank: the chance of each draw given those before it, and what came of it."""

    person: str
    logged: Sequence[float]
    wanted: Sequence[float]
    """The chances that the other policy gives the same draws."""
    seen: Sequence[bool]
    clicked: Sequence[bool]
    positive: Sequence[bool]


@dataclass(frozen=True, slots=True)
class OffPolicy:
    impressions: int
    effective: float
    """How many impressions drawn by the other policy itself would tell as much (Kish 1965)."""
    mean_weight: float
    """1 on average where nothing is clipped; far below, the other one shows what was not drawn."""
    clipped: float
    """Share of impressions whose weight was cut to `LARGEST_WEIGHT`."""
    click_rate: Interval | None
    positive_rate: Interval | None
    """With 95% intervals by the delta method, people taken for independent and not impressions."""


def evaluate(traces: Sequence[Trace]) -> OffPolicy:
    """Of the impressions of `traces`; rates are None where there is none."""
    people, weights, clicks, positives = [], [], [], []
    for trace in traces:
        for place, weight in enumerate(_weights(trace)):
            if trace.seen[place]:
                people.append(trace.person)
                weights.append(weight)
                clicks.append(trace.clicked[place])
                positives.append(trace.positive[place])
    raw = np.asarray(weights, np.float64)
    clipped = np.minimum(raw, LARGEST_WEIGHT)
    total, squares = float(clipped.sum()), float((clipped**2).sum())
    return OffPolicy(
        impressions=len(weights),
        effective=round(total**2 / squares, 1) if squares else 0.0,
        mean_weight=round(total / len(weights), 4) if weights else 0.0,
        clipped=round(float((raw > LARGEST_WEIGHT).mean()), 4) if weights else 0.0,
        click_rate=_rate(people, clipped, clicks),
        positive_rate=_rate(people, clipped, positives),
    )


def _weights(trace: Trace) -> NDArray[np.float64]:
    """[k] before they are clipped."""
    logged = np.maximum(np.asarray(trace.logged, np.float64), LEAST_CHANCE)
    return np.asarray(np.cumprod(np.asarray(trace.wanted, np.float64) / logged))


def _rate(
    people: Sequence[str], weights: NDArray[np.float64], outcomes: Sequence[bool]
) -> Interval | None:
    total = float(weights.sum())
    if not total:
        return None
    happened = np.asarray(outcomes, np.float64)
    value = float(weights @ happened) / total
    shares = weights * (happened - value) / total
    moved: defaultdict[str, float] = defaultdict(float)
    for person, share in zip(people, shares.tolist(), strict=True):
        moved[person] += share
    reach = Z * sqrt(sum(one**2 for one in moved.values()))
    return Interval(
        *(round(one, 4) for one in (value, max(0.0, value - reach), min(1.0, value + reach)))
    )
