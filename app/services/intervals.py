"""How sure a rate is, and a difference of two: 95% intervals. Pure."""

from math import sqrt
from typing import NamedTuple

Z = 1.959964
"""97.5% of a normal distribution lie below it."""


class Interval(NamedTuple):
    value: float
    low: float
    high: float


def rate(successes: int, trials: int) -> Interval | None:
    """A share with its score interval (Wilson 1927); None without any trial.

    >>> rate(0, 10)
    Interval(value=0.0, low=0.0, high=0.2775)
    """
    if not trials:
        return None
    share, square = successes / trials, Z * Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    reach = (
        Z * sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    )
    return Interval(
        *(round(one, 4) for one in (share, max(0.0, middle - reach), min(1.0, middle + reach)))
    )


def difference(first: Interval | None, second: Interval | None) -> Interval | None:
    """The first share less the second, with the hybrid score interval (Newcombe 1998, method 10).

    >>> difference(rate(56, 70), rate(48, 80))
    Interval(value=0.2, low=0.0524, high=0.3339)
    """
    if first is None or second is None:
        return None
    value = first.value - second.value
    low = value - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    high = value + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Interval(round(value, 4), round(low, 4), round(high, 4))
