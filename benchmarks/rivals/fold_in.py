"""New users folded into a factorisation by the library `implicit`."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def fitted(interactions: csr_matrix, factors: int, threads: int) -> Any:
    """Alternating least squares on interactions [U, N]."""
    als = import_module("implicit.cpu.als")
    with one_blas_thread():
        model = als.AlternatingLeastSquares(
            factors=factors, regularization=10.0, alpha=10.0, iterations=2, num_threads=threads
        )
        model.fit(interactions, show_progress=False)
    return model


def fold_in(model: Any, supports: csr_matrix) -> NDArray[np.float32]:
    """[B, d] factors of users whose interactions are `supports` [B, N]."""
    factors: NDArray[np.float32] = model.recalculate_user(np.arange(supports.shape[0]), supports)
    return factors


def one_blas_thread() -> Any:
    """As `implicit` advises: its own threads and those of the algebra would share out the cores."""
    return import_module("threadpoolctl").threadpool_limits(1, "blas")
