"""Scores of the whole catalogue, put together from what an algorithm says of rows and memory."""

from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.shapes import Features, Support


def score_items(
    algorithm: Algorithm, slow: Slow, rows: Tensor, support: Support, profile: Features
) -> Tensor:
    """[B, N] for B entities of whom support and profile are known; `rows` are the item rows."""
    prior = algorithm.prior(slow, profile)
    fast, gate = algorithm.adapt(slow, prior, support), algorithm.gate(slow, prior, support)
    scores = algorithm.score(slow, fast, gate, support.shots, rows)
    items, recalled = algorithm.recollect(slow, gate, support, profile)
    return scores.scatter_add(1, items, recalled.to(scores))
