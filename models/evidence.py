"""How sure a mean or a difference over users is: bootstrap intervals, Holm, a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 5_000
MARGIN = 0.01
"""A loss of less than 1% of the rival counts as `not worse`."""
LEVEL = 0.05

Verdict: TypeAlias = Literal["better", "not worse", "worse", "open"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over users with its 95% interval; None where an interval makes no sense."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Ours minus a rival's, paired by user."""

    diff: float
    low: float
    high: float
    p: float
    """Two-sided."""
    adjusted_p: float
    """After Holm over all differences of the report that may be claimed."""
    verdict: Verdict


def enough_resamples(comparisons: int) -> int:
    """So many that the smallest p-value they can show survives Holm over `comparisons`.

    >>> enough_resamples(40), enough_resamples(400)
    (5000, 16000)
    """
    return max(RESAMPLES, round(2 / LEVEL) * comparisons)


def resampled_means(
    values: NDArray[np.float64], seed: int, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """[resamples, C] column means of `values` [n, C] over n users drawn with replacement.

    Rows belong together: every column sees the same draws, so differences of columns are paired.
    NaN entries are left out of their column.
    """
    users = len(values)
    random = np.random.default_rng(seed)
    present = ~np.isnan(values)
    both = np.concatenate([np.where(present, values, 0), present], axis=1)
    parts: list[NDArray[np.float64]] = []
    step = max(1, 4_000_000 // users)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = random.integers(users, size=(size, users)) + np.arange(size)[:, None] * users
        times = np.bincount(drawn.ravel(), minlength=size * users).reshape(size, users)
        parts.append(times @ both)
    sums, counts = np.split(np.concatenate(parts), 2, axis=1)
    return sums / np.where(counts > 0, counts, np.nan)


def estimate(values: NDArray[np.float64], means: NDArray[np.float64]) -> Estimate:
    """Of one column of values [n] and its resampled means; all NaN gives NaN."""
    present = values[~np.isnan(values)]
    if not len(present):
        return Estimate(float("nan"))
    low, high = np.nanpercentile(means, [2.5, 97.5])
    return Estimate(float(present.mean()), float(low), float(high))


def p_value(differences: NDArray[np.float64]) -> float:
    """Two-sided, from resampled mean differences.

    >>> p_value(np.zeros(99)), p_value(np.ones(99))
    (1.0, 0.02)
    """
    size = len(differences) + 1
    below, above = (differences <= 0).sum() + 1, (differences >= 0).sum() + 1
    return min(1.0, 2 * float(min(below, above)) / size)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that the chance of any false claim among them stays below the level (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable").tolist()):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted


def verdict(low: float, high: float, adjusted_p: float, rival: float) -> Verdict:
    """`better` must survive Holm; `worse` needs no more than an interval below 0.

    >>> verdict(0.01, 0.03, 0.01, 0.5), verdict(-0.004, 0.03, 1, 0.5), verdict(-0.02, -0.01, 1, 0.5)
    ('better', 'not worse', 'worse')
    """
    if low > 0 and adjusted_p < LEVEL:
        return "better"
    if high < 0:
        return "worse"
    return "not worse" if low >= -MARGIN * rival else "open"
