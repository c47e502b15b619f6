"""The memory of a ranking head: what every item has to do with every other, at full rank.

A low-rank head forgets what only a few items have in common. Sparse item-item matrices keep it:

- `nearest`: cosines (Sarwar et al. 2001), plain or shrunk where few users speak for a pair; best
  when little is known of somebody, the shrunk form when next to nothing is;
- `foretold`: what features of users say of items, for those of whom something else is known;
- `regression`: every item as a ridge regression on the items most correlated with it (Steck 2019,
  "Embarrassingly Shallow Autoencoders", restricted to neighbours as in Ning & Karypis 2011, "SLIM",
  so that it grows linearly with the catalogue). What a support has in common with itself counts
  once, and what is missing from it counts too: best when much is known.
"""

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models.algorithms.likeness import Likeness

NEIGHBOURS = 500
"""Partners kept of each item, at most; in large catalogues as many as _KEPT allows."""
SHRINKAGE = 100
"""Added to the root of both counts: pairs with few common users count for less than their share."""
REGRESSORS = 100
"""Items that one item is regressed on."""
RIDGE = 1.0
"""In units of the standardised columns' variance."""
DAMPING = 0.02
"""Added to the variance of an item before standardising, so that rare items stay short."""

Rows: TypeAlias = tuple[Tensor, Tensor]
"""([V, J] int32 item rows, [V, J] float32 values): V sparse rows over the items; 0 where unused."""

_KEPT = 10_000_000
"""Values kept of one matrix."""
_CELLS = 20_000_000
"""Of a dense matrix computed at once: some hundred megabytes."""


def nearest(
    interactions: csr_array, profiles: csr_array | None = None, *, shrinkage: float = SHRINKAGE
) -> Rows:
    """The items nearest to each source, by nearness >= 0.

    Sources are the columns of `profiles` [U, V], or else the items themselves. Shrunk cosine with
    the columns of `interactions` [U, N], divided by the root of each source's sum so that a popular
    one does not drown the others, and by the deviation over all pairs so that one weight means the
    same in every catalogue.
    """
    items = interactions.shape[1]
    sources = interactions if profiles is None else profiles
    weight, source_weight = _squares(interactions), _squares(sources)
    by_source = sources.astype(np.float32).T.tocsr()
    width = _width(items)
    rows = torch.empty((sources.shape[1], width), dtype=torch.int32)
    near = torch.empty((sources.shape[1], width))
    for block in _blocks(len(rows), items):
        common = (by_source[block] @ interactions).toarray().astype(np.float32)
        if profiles is None:
            common[np.arange(len(common)), np.arange(items)[block]] = 0
        scale = np.sqrt(source_weight[block, None] * weight) + np.float32(shrinkage)
        cosine = common / np.maximum(scale, np.float32(1e-9))
        near[block], rows[block] = torch.from_numpy(cosine).topk(width, dim=1)
    near /= near.sum(1, keepdim=True).clamp_min(1e-9).sqrt()
    return rows, _standardised(near)


def foretold(likeness: Likeness) -> Rows:
    """What each feature says of the items, when all features are regressed at once.

    `likeness` is of users' features and their histories, as rows of length 1, so that one who met
    everything does not drown the others. Each row keeps its largest values; they are divided by
    their deviation.
    """
    features, items = likeness.rows.shape[1], likeness.targets.shape[1]
    width = min(items, NEIGHBOURS, max(REGRESSORS, _KEPT // max(1, features)))
    rows, values = torch.zeros((features, 0), dtype=torch.int32), torch.zeros((features, 0))
    start = 0
    for block in likeness.regress():
        columns = torch.arange(start, start := start + block.shape[1], dtype=torch.int32)
        rows = torch.cat([rows, columns.expand(features, -1)], dim=1)
        values = torch.cat([values, torch.from_numpy(block)], dim=1)
        kept = values.abs().topk(min(width, values.shape[1]), dim=1).indices
        rows, values = rows.gather(1, kept), values.gather(1, kept)
    return rows, _standardised(values)


def regression(interactions: csr_array) -> Rows:
    """What a one in each item says about the others, when all items are regressed at once.

    Item j is regressed on the REGRESSORS items most correlated with it: (R + RIDGE I)^-1 r over
    the standardised columns of `interactions` [U, N]. Each row keeps its largest values.
    """
    partners, correlations, own = _correlations(interactions)
    items, width = partners.shape
    solved = torch.empty(items, width)
    for block in _blocks(items, width * width):
        among = _among(partners, correlations, own, partners[block])
        ridge = among + RIDGE * torch.eye(width)
        solved[block] = torch.linalg.solve(ridge, correlations[block].unsqueeze(-1)).squeeze(-1)
    ends = np.arange(items + 1) * width
    by_target: csr_array = csr_array(
        (solved.numpy().ravel(), partners.numpy().ravel(), ends), shape=(items, items)
    )
    return _largest(by_target.T.tocsr())


def _correlations(interactions: csr_array) -> tuple[Tensor, Tensor, Tensor]:
    """([N, J] int32 partners in ascending order, [N, J] correlations, [N] with themselves)."""
    users, items = interactions.shape
    width = min(REGRESSORS, items - 1)
    mean = (np.bincount(interactions.indices, minlength=items) / users).astype(np.float32)
    scale = np.sqrt(mean * (1 - mean) + np.float32(DAMPING))
    by_item = interactions.astype(np.float32).T.tocsr()
    partners = torch.empty((items, width), dtype=torch.int32)
    correlations = torch.empty((items, width))
    for block in _blocks(items, items):
        both = (by_item[block] @ interactions).toarray().astype(np.float32) / np.float32(users)
        related = (both - mean[block, None] * mean) / (scale[block, None] * scale)
        related[np.arange(len(related)), np.arange(items)[block]] = 0
        table = torch.from_numpy(related)
        closest = table.abs().topk(width, dim=1).indices.sort(dim=1).values
        partners[block], correlations[block] = closest.int(), table.gather(1, closest)
    own = torch.from_numpy((mean * (1 - mean) / scale**2).astype(np.float32))
    return partners, correlations, own


def _among(partners: Tensor, correlations: Tensor, own: Tensor, items: Tensor) -> Tensor:
    """[B, K, K] correlations of `items` [B, K] with each other; 0 if they are no partners."""
    items = items.long()
    known = partners[items]
    wanted = items.int().unsqueeze(1).expand(-1, items.shape[1], -1).contiguous()
    places = torch.searchsorted(known, wanted).clamp_max(known.shape[-1] - 1)
    found = known.gather(-1, places) == wanted
    one_way = correlations[items].gather(-1, places).where(found, 0)
    either_way = one_way.where(found, one_way.transpose(-1, -2))
    diagonal = torch.eye(items.shape[1], dtype=torch.bool)
    return torch.where(diagonal, own[items].unsqueeze(-1), either_way)


def _largest(matrix: csr_array) -> Rows:
    """The values of each row of a square `matrix` that are furthest from 0."""
    items = matrix.shape[0]
    width = _width(items)
    rows, values = np.zeros((items, width), np.int32), np.zeros((items, width), np.float32)
    for item in range(items):
        stretch = slice(matrix.indptr[item], matrix.indptr[item + 1])
        found, sizes = matrix.indices[stretch], matrix.data[stretch]
        kept = np.argsort(-np.abs(sizes), kind="stable")[:width]
        rows[item, : len(kept)], values[item, : len(kept)] = found[kept], sizes[kept]
    return torch.from_numpy(rows), torch.from_numpy(values)


def _standardised(values: Tensor) -> Tensor:
    """Divided by the deviation of those that are not 0."""
    used = values[values != 0]
    return values / used.std() if len(used) > 1 and used.std() > 0 else values


def _squares(matrix: csr_array) -> NDArray[np.float32]:
    """[V] sum of the squares of each column."""
    sums = np.bincount(matrix.indices, matrix.data**2, minlength=matrix.shape[1])
    return sums.astype(np.float32)


def _width(items: int) -> int:
    return min(items, NEIGHBOURS, max(REGRESSORS, _KEPT // items))


def _blocks(rows: int, width: int) -> list[slice]:
    size = max(1, _CELLS // max(1, width))
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
