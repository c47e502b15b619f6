"""iALS (Hu, Koren and Volinsky 2008), users folded in; the library `implicit` does the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.baselines.baseline import Baseline, Setting, each, grid
from models.baselines.crowd import Crowd, Floats, Scorer, indicator

ITERATIONS = 15


def fit_ials(crowd: Crowd, setting: Setting) -> Scorer:
    """Scores x . y_i with x = (Y'Y + (alpha - 1) Y_S'Y_S + lambda I)^-1 alpha Y_S'1, S the support.

    Y holds the item factors that alternating least squares found on training users; an interaction
    weighs alpha, everything else 1.
    """
    model = fit_factors(crowd, setting)

    def score(support: NDArray[np.int64]) -> Floats:
        known = csr_matrix(indicator(support, crowd.items))
        with _one_thread():
            users: Floats = model.recalculate_user(np.arange(len(support)), known)
        factors: Floats = model.item_factors
        return users @ factors.T

    return score


def fit_factors(crowd: Crowd, setting: Setting) -> Any:
    """A fitted `AlternatingLeastSquares` of implicit, a library that does not tell its types."""
    als = import_module("implicit.cpu.als")
    with _one_thread():
        model = als.AlternatingLeastSquares(
            factors=int(setting["factors"]),
            regularization=float(setting["lambda"]),
            alpha=float(setting["alpha"]),
            iterations=ITERATIONS,
            num_threads=1,
            random_state=0,
        )
        model.fit(csr_matrix(crowd.matrix), show_progress=False)
    return model


@contextmanager
def _one_thread() -> Iterator[None]:
    """As implicit asks for: it and the linear algebra below would share out the same cores."""
    with import_module("threadpoolctl").threadpool_limits(1, "blas"):
        yield


IALS = Baseline(
    "ials",
    __name__,
    grid(factors=(64, 256), alpha=(3, 10, 30), **{"lambda": (10, 30, 100, 200)}),
    each(fit_ials),
    effort=20.0,
    packages=("implicit", "threadpoolctl"),
)
