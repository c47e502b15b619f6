"""Where meta-training of a ranking head starts: item vectors, popularity, sampled negatives."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator
from torch import Generator, Tensor

from models.spectral import leading


def item_vectors(interactions: csr_array, dimension: int, seed: int) -> Tensor:
    """[N, d] right singular vectors of the standardised interactions [U, N], scaled by S / sqrt(U).

    Each column is centred and divided by its standard deviation, damped so that rare items stay
    short. Inner products of the vectors are then close to the correlations of the items, which
    makes one step of the inner loop a neighbourhood recommender.
    """
    users, items = interactions.shape
    mean = _counts(interactions) / users
    scale = 1 / np.sqrt(mean * (1 - mean) + 0.02)
    centred = LinearOperator(
        (users, items),
        matvec=lambda x: interactions @ (scale * x.ravel()) - (mean * scale) @ x.ravel(),
        rmatvec=lambda y: scale * (interactions.T @ y.ravel() - mean * y.sum()),
        dtype=np.float64,
    )
    _, sizes, right = leading(centred, dimension, seed)
    return torch.from_numpy(right * sizes / np.sqrt(users)).float()


def log_popularity(interactions: csr_array) -> Tensor:
    """[N] log of the smoothed rate at which users meet each item; finite for unseen items."""
    rate = (_counts(interactions) + 1) / (interactions.shape[0] + 2)
    return torch.from_numpy(np.log(rate)).float()


def draw_negatives(popularity: Tensor, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """([M] item rows, [M] log of M times their chance): drawn by (events + 1) ** 0.75.

    A catalogue of at most `count` items is not sampled but taken whole.
    """
    items = len(popularity)
    if items <= count:
        return torch.arange(items), torch.zeros(items)
    chances = (0.75 * popularity).softmax(-1)
    drawn = torch.multinomial(chances, count, replacement=True, generator=generator)
    return drawn, (count * chances[drawn]).log()


def _counts(interactions: csr_array) -> NDArray[np.float64]:
    return np.bincount(interactions.indices, minlength=interactions.shape[1]).astype(np.float64)
