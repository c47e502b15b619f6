import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from models.spectral import leading


def operator(matrix: np.ndarray) -> LinearOperator:
    found: LinearOperator = aslinearoperator(matrix)
    return found


def test_the_leading_vectors_are_those_of_the_whole_decomposition() -> None:
    matrix = np.random.default_rng(0).standard_normal((12, 7))
    left, sizes, right = leading(operator(matrix), 3, seed=0)
    assert sizes == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[:3])
    assert (left * sizes).T @ matrix @ right == pytest.approx(np.diag(sizes**2))


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((5, 4)),
        np.ones((1, 4)),
        np.ones((4, 1)),
        np.full((6, 5), 1e-12),
        np.random.default_rng(1).standard_normal((3, 2)),
    ],
)
def test_where_there_are_fewer_the_rest_is_nothing(matrix: np.ndarray) -> None:
    left, sizes, right = leading(operator(matrix), 8, seed=0)
    assert (left.shape, sizes.shape, right.shape) == (
        (matrix.shape[0], 8),
        (8,),
        (matrix.shape[1], 8),
    )
    for part in (left, sizes, right):
        assert np.isfinite(part).all()
    assert np.count_nonzero(sizes) <= max(0, min(matrix.shape) - 1)


def test_the_same_seed_gives_the_same() -> None:
    matrix = operator(np.random.default_rng(2).standard_normal((9, 9)))
    for one, other in zip(leading(matrix, 4, 5), leading(matrix, 4, 5), strict=True):
        assert np.array_equal(one, other)
