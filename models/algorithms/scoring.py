"""Scores of the whole catalogue, put together from what an algorithm says of queries and rows."""

from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.shapes import Support


def score_items(
    algorithm: Algorithm, slow: Slow, rows: Tensor, fast: Tensor, support: Support
) -> Tensor:
    """[B, N] of fast weights [B, F] and the support they came from; `rows` are the item rows."""
    query = algorithm.query(slow, fast, support.shots)
    items, scores = algorithm.recollect(slow, support)
    return (query.to(rows) @ rows.T).scatter_add(1, items, scores.to(rows))
