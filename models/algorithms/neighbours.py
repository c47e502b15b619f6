"""The memory of a ranking head: for every item the items that the same people met.

A low-rank head forgets what only a few items have in common; a sparse item-item matrix of full rank
keeps it (Sarwar et al. 2001, "Item-based collaborative filtering").
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

NEIGHBOURS = 200
SHRINKAGE = 30
"""Added to the root of both counts: pairs with few common users count for less than their share."""

_CELLS = 20_000_000
"""Of the item-item matrix, computed at once: some hundred megabytes."""


def nearest_items(
    interactions: csr_array, profiles: csr_array | None = None
) -> tuple[Tensor, Tensor]:
    """([V, M] int32 item rows, [V, M] float32 nearness >= 0) of the M nearest items of each source.

    Sources are the columns of `profiles` [U, V], or else the items themselves. Shrunk cosine with
    the columns of `interactions` [U, N], divided by the root of each source's sum so that a popular
    one does not drown the others, and by the deviation over all pairs so that one weight means the
    same in every catalogue. Slots without a neighbour have nearness 0.
    """
    items = interactions.shape[1]
    width = min(NEIGHBOURS, items)
    weight = _weights(interactions)
    sources = interactions if profiles is None else profiles
    source_weight = weight if profiles is None else _weights(sources)
    by_source = sources.astype(np.float32).T.tocsr()
    rows = np.empty((sources.shape[1], width), np.int32)
    near = np.empty((sources.shape[1], width), np.float32)
    size = max(1, _CELLS // items)
    for start in range(0, len(rows), size):
        block = slice(start, min(start + size, len(rows)))
        common = (by_source[block] @ interactions).toarray().astype(np.float32)
        if profiles is None:
            own = np.arange(len(common))
            common[own, start + own] = 0
        cosine = common / (np.sqrt(source_weight[block, None] * weight) + SHRINKAGE)
        best = torch.from_numpy(cosine).topk(width, dim=1)
        rows[block], near[block] = best.indices.numpy(), best.values.numpy()
    near /= np.sqrt(np.maximum(near.sum(1, keepdims=True), 1e-9))
    positive = near[near > 0]
    if len(positive) and positive.std() > 0:
        near /= positive.std()
    return torch.from_numpy(rows), torch.from_numpy(near)


def _weights(rows: csr_array) -> NDArray[np.float32]:
    """[V] sum of the squares of each column."""
    return np.bincount(rows.indices, rows.data**2, minlength=rows.shape[1]).astype(np.float32)
