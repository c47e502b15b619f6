"""What items have in common by what is known of them, whether or not anybody has met them."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, vstack
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from models.features import Encoder, to_csr
from models.shapes import Features
from models.spectral import leading

SIZE = 0.3
"""Mean squared length of item vectors; those that training starts from are about as long."""
PSEUDO_USERS = 10.0
"""Users that what is known of an item counts for, beside those who met it."""
BEARERS = 500
"""Items kept of a feature."""
HALFWAY = 100.0
"""Users at which vectors made of interactions weigh as much as those made of contents."""

_PRODUCTS = 5e9
"""Multiplications that comparing all items may take: half a minute."""


def feature_scale(encoder: Encoder, contents: Features) -> NDArray[np.float64]:
    """[V] what each feature of N items counts for.

    A feature weighs by the root of log(N / items that have it), as in tf-idf. By that a column of
    categories would count with its entropy H; every column counts with H / (H + 1), so that many
    words do not drown one brand, and what is nearly always the same tells next to nothing. The most
    common features are left out where comparing all items by them would take too long.
    """
    features = to_csr(contents, encoder.size)
    counts = np.bincount(features.indices, minlength=encoder.size)
    weights = np.sqrt(np.log(features.shape[0] / counts.clip(1)))
    weights[_unaffordable(counts)] = 0
    weighed = csr_array(features * weights)
    squares = np.bincount(weighed.indices, weighed.data**2, minlength=encoder.size)
    for stretch in _columns(encoder):
        weights[stretch] /= np.sqrt(squares[stretch].sum() / features.shape[0] + 1)
    return weights


def content_of(encoder: Encoder, contents: Features) -> csr_array:
    """[N, V] what is known of each item, as a row of length 1 (or 0 where nothing is)."""
    scale = feature_scale(encoder, contents)
    balanced = csr_array(to_csr(contents, encoder.size) * scale)
    balanced.eliminate_zeros()
    lengths = np.sqrt(np.asarray(balanced.multiply(balanced).sum(1)).ravel())
    unit: csr_array = csr_array(diags_array(1 / np.where(lengths > 0, lengths, 1)) @ balanced)
    return unit


def content_vectors(content: csr_array, dimension: int, seed: int) -> Tensor:
    """[N, d] left singular vectors of the centred rows, by singular value: mean square SIZE."""
    mean = np.asarray(content.mean(0)).ravel()
    centred = LinearOperator(
        content.shape,
        matvec=lambda x: content @ x.ravel() - mean @ x.ravel(),
        rmatvec=lambda y: content.T @ y.ravel() - mean * y.sum(),
        dtype=np.float64,
    )
    vectors = _leading(centred, dimension, seed)
    size = (vectors**2).sum(1).mean()
    return torch.from_numpy(vectors * np.sqrt(SIZE / size if size > 0 else 0)).float()


def content_map(content: csr_array, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """([V, d], [d]) map and offset that make `content_vectors` [N, d] of the rows of `content`."""
    mean = np.asarray(content.mean(0)).ravel()
    own = vectors.numpy().astype(np.float64)
    along = content.T @ own - np.outer(mean, own.sum(0))
    sizes = (along**2).sum(0)
    table = along * np.where(sizes > 0, (own**2).sum(0) / np.where(sizes > 0, sizes, 1), 0)
    return torch.from_numpy(table).float(), torch.from_numpy(-mean @ table).float()


def bearers(content: csr_array, features: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """([V, J] int32 items, [V, J] values): for each of `features` those that bear it most.

    A feature of -1 is borne by none. As in a memory, a row is divided by the root of its sum, and
    all by their deviation.
    """
    by_feature = csr_array(content.T)
    rows = torch.zeros(len(features), BEARERS, dtype=torch.int32)
    values = torch.zeros(len(features), BEARERS)
    for place in np.flatnonzero(features >= 0):
        stretch = slice(*by_feature.indptr[features[place] : features[place] + 2])
        items, shares = by_feature.indices[stretch], by_feature.data[stretch]
        most = np.argsort(-shares, kind="stable")[:BEARERS]
        rows[place, : len(most)] = torch.from_numpy(items[most].astype(np.int32))
        values[place, : len(most)] = torch.from_numpy(shares[most] / np.sqrt(shares.sum()))
    used = values[values > 0]
    return rows, values / used.std() if len(used) > 1 and used.std() > 0 else values


def with_content(interactions: csr_array, content: csr_array, weight: float = 1.0) -> csr_array:
    """[U + V, N] the users and, as if they were more users, the features.

    In products of its columns an item's content counts for `weight` * PSEUDO_USERS, so cosines
    begin at those of the contents and go over to those of the interactions with every user that an
    item has.
    """
    known = csr_array(np.sqrt(weight * PSEUDO_USERS) * content.T)
    return csr_array(vstack([interactions, known]))


def blended_vectors(vectors: Tensor, contents: Tensor, users: int, seed: int) -> Tensor:
    """[N, d] leading directions of `vectors`, which `users` made, and `contents`, both [N, d].

    The inner products of the result are about the mean of theirs, where the contents weigh as much
    as HALFWAY users do.
    """
    share = users / (users + HALFWAY)
    parts = [np.sqrt(share) * vectors.numpy(), np.sqrt(1 - share) * contents.numpy()]
    both = np.concatenate(parts, axis=1).astype(np.float64)
    operator = LinearOperator(
        both.shape, matvec=lambda x: both @ x, rmatvec=lambda y: both.T @ y, dtype=np.float64
    )
    return torch.from_numpy(_leading(operator, vectors.shape[1], seed)).float()


def _leading(matrix: LinearOperator, width: int, seed: int) -> NDArray[np.float64]:
    """[rows, width] left singular vectors by their singular values, the largest first."""
    left, sizes, _ = leading(matrix, width, seed)
    return left * sizes


def _columns(encoder: Encoder) -> list[slice]:
    """Where the features of each column of the table lie; those of all texts count as one."""
    sizes = [column.size for column in encoder.columns]
    sizes += [encoder.text.size] if encoder.text else []
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _unaffordable(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[V] the most common features, as far as the pairs of items that share them are too many."""
    order = np.argsort(counts, kind="stable")
    cost = np.cumsum(counts[order].astype(np.float64) ** 2)
    left_out = np.zeros(len(counts), bool)
    left_out[order[cost > _PRODUCTS]] = True
    return left_out
