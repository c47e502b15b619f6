"""The algorithms by name."""

from collections.abc import Callable, Mapping

from models.algorithms.anil import ANIL
from models.algorithms.interface import Algorithm, Slow, Trainable
from models.algorithms.leo import LEO
from models.algorithms.lstm_learner import LSTMLearner
from models.algorithms.maml import FOMAML, MAML
from models.algorithms.matching import Matching
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.prototypical import Prototypical
from models.algorithms.reptile import Reptile
from models.config import RankerConfig
from models.errors import UnknownAlgorithm, WeightsError

_ALGORITHMS: Mapping[str, Callable[[RankerConfig], Trainable]] = {
    algorithm.name: algorithm
    for algorithm in (
        MAML,
        FOMAML,
        MetaSGD,
        ANIL,
        Reptile,
        Matching,
        Prototypical,
        LSTMLearner,
        LEO,
    )
}


def names() -> tuple[str, ...]:
    return tuple(_ALGORITHMS)


def get(name: str) -> Algorithm:
    """The algorithm of that name, as served. Raises UnknownAlgorithm."""
    return trainable(name, RankerConfig())


def check_complete(version: str, name: str, slow: Slow) -> None:
    """Raises WeightsError where `slow` lacks a tensor that the algorithm of that name needs."""
    for lacking in sorted(get(name).tensors - slow.keys()):
        raise WeightsError(version, "missing; train again", lacking)


def trainable(name: str, config: RankerConfig) -> Trainable:
    """The algorithm of that name, set up for meta-training. Raises UnknownAlgorithm."""
    if name not in _ALGORITHMS:
        raise UnknownAlgorithm(name, names())
    return _ALGORITHMS[name](config)
