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


def nearest_items(interactions: csr_array) -> tuple[Tensor, Tensor]:
    """([N, M] int32 item rows, [N, M] float32 nearness >= 0) of the M nearest items of each.

    Shrunk cosine of the columns of `interactions` [U, N], divided by the root of each item's sum so
    that a popular item does not drown the others, and by the deviation over all pairs so that one
    weight means the same in every catalogue. Slots without a neighbour have nearness 0.
    """
    items = interactions.shape[1]
    width = min(NEIGHBOURS, items)
    counts = np.bincount(interactions.indices, minlength=items).astype(np.float32)
    by_item = interactions.astype(np.float32).T.tocsr()
    rows = np.empty((items, width), np.int32)
    near = np.empty((items, width), np.float32)
    size = max(1, _CELLS // items)
    for start in range(0, items, size):
        block = slice(start, min(start + size, items))
        common = (by_item[block] @ interactions).toarray().astype(np.float32)
        rows[block], near[block] = _nearest(common, counts, start, width)
    near /= np.sqrt(np.maximum(near.sum(1, keepdims=True), 1e-9))
    positive = near[near > 0]
    if len(positive) and positive.std() > 0:
        near /= positive.std()
    return torch.from_numpy(rows), torch.from_numpy(near)


def _nearest(
    common: NDArray[np.float32], counts: NDArray[np.float32], start: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `width` largest shrunk cosines of rows `start`, ... whose common users are `common`."""
    own = np.arange(len(common))
    common[own, start + own] = 0
    cosine = common / (np.sqrt(counts[start + own, None] * counts) + SHRINKAGE)
    best = torch.from_numpy(cosine).topk(width, dim=1)
    return best.indices.numpy(), best.values.numpy()
