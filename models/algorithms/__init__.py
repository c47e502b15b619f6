"""The algorithms by name."""

from models.algorithms.interface import Algorithm
from models.algorithms.meta_sgd import MetaSGD
from models.errors import UnknownAlgorithm

_ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in (MetaSGD(),)}


def names() -> tuple[str, ...]:
    return tuple(_ALGORITHMS)


def get(name: str) -> Algorithm:
    """The algorithm of that name, as served. Raises UnknownAlgorithm."""
    if name not in _ALGORITHMS:
        raise UnknownAlgorithm(name, names())
    return _ALGORITHMS[name]
