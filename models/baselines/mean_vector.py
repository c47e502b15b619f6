"""The mean of the vectors of what is in the support, from a singular value decomposition."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from models.baselines.baseline import Baseline, Setting, grid
from models.baselines.crowd import Crowd, Floats, Scorer
from models.progress import OnProgress

DIMENSIONS = (16, 32, 64, 128)


def fit_mean_vectors(
    crowd: Crowd, settings: Sequence[Setting], tell: OnProgress
) -> Iterator[tuple[Setting, Scorer]]:
    """Scores m . v_j with m the mean of the v_i of the support; v = V S ** power of X = U S V'.

    Each setting keeps its `dimension` largest singular values.
    """
    tell("", 0.0)
    most = min(max(DIMENSIONS), min(crowd.matrix.shape) - 1)
    start = np.random.default_rng(0).standard_normal(min(crowd.matrix.shape))
    _, sizes, right = svds(crowd.matrix, k=most, v0=start)
    for setting in settings:
        kept = slice(-int(setting["dimension"]), None)
        vectors = right[kept].T * sizes[kept] ** float(setting["power"])
        yield setting, _scorer(vectors.astype(np.float32))


def _scorer(vectors: Floats) -> Scorer:
    def score(support: NDArray[np.int64]) -> Floats:
        scores: Floats = vectors[support].mean(1) @ vectors.T
        return scores

    return score


MEAN_VECTOR = Baseline(
    "mean-vector",
    __name__,
    grid(dimension=DIMENSIONS, power=(0.0, 0.5, 1.0)),
    fit_mean_vectors,
)
