"""Another order for the best of a list: to learn something, or so that not all are alike. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.engine.port import Floats

COLDEST = 1e-6
"""A temperature below it is as good as none, and would end in infinities."""


def explore(
    scores: Sequence[float], k: int, temperature: float, seed: int
) -> list[tuple[int, float]]:
    """Draws k places without replacement, each by softmax(scores / temperature) of what is left.

    Gumbel top-k (Kool, van Hoof & Welling 2019). Returns places with the probability of each draw,
    given those before it, which is what an off-policy estimate asks for.

    >>> [place for place, _ in explore([9.0, 0.0, 5.0], 2, 0.01, seed=1)]
    [0, 2]
    """
    logits = _logits(scores, temperature)
    noise = np.random.default_rng(seed).gumbel(size=len(logits))
    drawn = np.argsort(-(logits + noise), kind="stable")[:k].tolist()
    return list(zip(drawn, chances(scores, drawn, temperature), strict=True))


def chances(scores: Sequence[float], drawn: Sequence[int], temperature: float) -> list[float]:
    """How likely `explore` draws each of these places, given those before it; six digits.

    >>> chances([1.0, 1.0, 1.0], [2, 0], 0.5)
    [0.333333, 0.5]
    """
    logits = _logits(scores, temperature)
    left = np.ones(len(logits), np.bool_)
    found = []
    for place in drawn:
        of_rest = np.exp(logits[left] - logits[left].max()).sum()
        found.append(round(float(np.exp(logits[place] - logits[left].max()) / of_rest), 6))
        left[place] = False
    return found


def _logits(scores: Sequence[float], temperature: float) -> NDArray[np.float64]:
    return np.asarray(scores, np.float64) / max(temperature, COLDEST)


def diversify(scores: Sequence[float], vectors: Floats, k: int, diversity: float) -> list[int]:
    """Places of k items by maximal marginal relevance (Carbonell & Goldstein 1998).

    Each next one has the best of (1 - diversity) relevance - diversity likeness, its score between
    0 and 1 less its largest cosine to those before it. `vectors` [M, d].

    >>> alike = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    >>> diversify([3.0, 2.9, 2.0], alike, 3, 0.0), diversify([3.0, 2.9, 2.0], alike, 3, 0.9)
    ([0, 1, 2], [0, 2, 1])
    """
    relevance = _between_0_and_1(np.asarray(scores, np.float64))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    nearest = np.full(len(relevance), -1.0)
    left = np.ones(len(relevance), np.bool_)
    chosen: list[int] = []
    for _ in range(min(k, len(relevance))):
        gain = (1 - diversity) * relevance - diversity * nearest
        place = int(np.argmax(np.where(left, gain, -np.inf)))
        chosen.append(place)
        left[place] = False
        nearest = np.maximum(nearest, units @ units[place])
    return chosen


def _between_0_and_1(values: NDArray[np.float64]) -> NDArray[np.float64]:
    span = float(np.ptp(values)) if len(values) else 0.0
    return (values - values.min()) / span if span else np.zeros_like(values)
