"""Leading singular vectors, also of matrices that hardly have any."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, svds


class Spectrum(NamedTuple):
    """The largest first; zeros stand for those that are not there."""

    left: NDArray[np.float64]
    """[rows, width]"""
    sizes: NDArray[np.float64]
    """[width]"""
    right: NDArray[np.float64]
    """[columns, width]"""


def leading(matrix: LinearOperator, width: int, seed: int) -> Spectrum:
    """The first `width` singular vectors, fewer where the matrix is too small or 0."""
    rows, columns = matrix.shape
    found = Spectrum(np.zeros((rows, width)), np.zeros(width), np.zeros((columns, width)))
    known = min(width, rows - 1, columns - 1)
    random = np.random.default_rng(seed)
    start = random.standard_normal(min(rows, columns))
    if known < 1 or not np.abs(matrix.matvec(random.standard_normal(columns))).max() > _NOTHING:
        return found
    left, sizes, right = svds(matrix, k=known, v0=start)
    found.left[:, :known], found.sizes[:known] = left[:, ::-1], sizes[::-1]
    found.right[:, :known] = right.T[:, ::-1]
    return found


_NOTHING = 1e-9
"""What is left of a matrix of zeros once its columns have been centred."""
