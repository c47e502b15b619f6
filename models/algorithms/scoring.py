"""Scores of the whole catalogue, put together from what an algorithm says of rows and memory."""

from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.shapes import Features, Support


def score_items(
    algorithm: Algorithm,
    slow: Slow,
    rows: Tensor,
    fast: Tensor,
    support: Support,
    profile: Features,
) -> Tensor:
    """[B, N] of fast weights [B, F] and what they came from; `rows` are the item rows."""
    scores = algorithm.score(slow, fast, support.shots, rows)
    items, recalled = algorithm.recollect(slow, support, profile)
    return scores.scatter_add(1, items, recalled.to(scores))
