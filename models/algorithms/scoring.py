"""What an algorithm makes of an entity, and the scores of the whole catalogue for it."""

from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.shapes import Features, Personal, Support


def personalise(algorithm: Algorithm, slow: Slow, support: Support, profile: Features) -> Personal:
    """The prior of B entities adapted to their supports."""
    prior = algorithm.prior(slow, profile)
    fast, gate = algorithm.adapt(slow, prior, support), algorithm.gate(slow, prior, support)
    return Personal(prior, fast, gate, support.shots)


def score_items(
    algorithm: Algorithm, slow: Slow, rows: Tensor, support: Support, profile: Features
) -> Tensor:
    """[B, N] for B entities of whom support and profile are known; `rows` are the item rows."""
    personal = personalise(algorithm, slow, support, profile)
    scores = algorithm.score(slow, personal, rows)
    items, recalled = algorithm.recollect(slow, personal, support, profile)
    return scores.scatter_add(1, items, recalled.to(scores))
