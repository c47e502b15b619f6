"""What training users did, counted: all that the simple rivals learn from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models.data.dataset import Dataset
from models.data.splitting import Order, histories

DENSE_ITEMS = 8_000
NEIGHBOURS = 500
_CELLS = 8_000_000
"""Items x items looked at together."""

Floats: TypeAlias = NDArray[np.float32]
Scorer: TypeAlias = Callable[[NDArray[np.int64]], Floats]
"""Supports [B, k] of item indices -> scores [B, N]."""


class Crowd:
    """What training users did: the matrix [U, N] of ones, and what follows from it."""

    def __init__(self, dataset: Dataset, users: NDArray[np.int64], order: Order = "random") -> None:
        self.order, self._dataset, self._users = order, dataset, users
        shape = len(dataset.user_ids), len(dataset.item_ids)
        ones = np.ones(len(dataset.item), np.float32)
        everyone = csr_array((ones, (dataset.user, dataset.item)), shape=shape)
        self.matrix: csr_array = everyone[users]
        self.users, self.items = len(users), shape[1]
        self.counts: Floats = np.bincount(self.matrix.indices, minlength=self.items).astype("f4")

    @cached_property
    def popularity(self) -> dict[str, Floats]:
        """Two forms [N] of popularity, each with mean 0 and deviation 1 over the items."""
        forms = {"log": np.log(self.counts + 0.5), "linear": self.counts}
        return {name: standardise(values[None])[0] for name, values in forms.items()}

    @cached_property
    def pairs(self) -> "Pairs":
        return Pairs.of(self)

    @cached_property
    def head(self) -> NDArray[np.int64]:
        """The at most DENSE_ITEMS most popular items, sorted."""
        return np.sort(np.argsort(-self.counts, kind="stable")[:DENSE_ITEMS])

    @cached_property
    def head_pairs(self) -> Floats:
        """[H, H] how many users have both."""
        part = self.matrix[:, self.head]
        both: Floats = (part.T @ part).toarray()
        return both

    @cached_property
    def head_place(self) -> NDArray[np.int64]:
        """[N] where in the head an item is; -1 for the others."""
        place = np.full(self.items, -1)
        place[self.head] = np.arange(len(self.head))
        return place

    @cached_property
    def sequences(self) -> list[NDArray[np.int64]]:
        """What each user met, in the order asked for: places in the head, others left out.

        Users who met less than two of the head are left out.
        """
        past = histories(self._dataset, self.order, 0)
        met = (self.head_place[past.of(int(user))] for user in self._users)
        known = (places[places >= 0] for places in met)
        return [places for places in known if len(places) > 1]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """How many users have both items: row i against its partners (all, or the most similar).

    An item is no partner of itself: its own count here is 0.
    """

    both: Floats
    """[N, W]"""
    row_counts: Floats
    """[N, 1]"""
    partner_counts: Floats
    """[1, N] or [N, W]"""
    partners: NDArray[np.int32] | None
    """[N, W] item indices; None: all items, in order."""

    @classmethod
    def of(cls, crowd: Crowd) -> "Pairs":
        counts, matrix = crowd.counts, crowd.matrix
        if crowd.items <= DENSE_ITEMS:
            both: Floats = (matrix.T @ matrix).toarray()
            np.fill_diagonal(both, 0)
            return cls(both, counts[:, None], counts[None], None)
        by_item = matrix.T.tocsr()
        found: list[tuple[Tensor, Tensor]] = []
        step = max(1, _CELLS // crowd.items)
        for start in range(0, crowd.items, step):
            block = (by_item[start : start + step] @ matrix).toarray()
            block[np.arange(len(block)), np.arange(start, start + len(block))] = 0
            own = counts[start : start + step, None]
            cosine = torch.from_numpy(block / (np.sqrt(own * counts) + 10))
            closest = cosine.topk(NEIGHBOURS, dim=1).indices
            found.append((torch.from_numpy(block).gather(1, closest), closest.int()))
        both = torch.cat([block for block, _ in found]).numpy()
        partners = torch.cat([closest for _, closest in found]).numpy()
        return cls(both, counts[:, None], counts[partners], partners)

    def scorer(self, strengths: Floats) -> Scorer:
        """Adds up the rows of `strengths` [N, W] that the support names, self excepted."""
        size = len(strengths)
        if self.partners is None:
            dense = strengths.copy()
            np.fill_diagonal(dense, 0)
            return lambda support: indicator(support, size) @ dense
        strengths = np.where(self.partners == np.arange(size)[:, None], 0, strengths)
        ends = np.arange(size + 1) * strengths.shape[1]
        sparse = csr_array((strengths.ravel(), self.partners.ravel(), ends), shape=(size, size))
        return lambda support: (indicator(support, size) @ sparse).toarray()


def standardise(scores: Floats) -> Floats:
    """[B, N] with mean 0 and deviation 1 in every row; a constant row becomes 0.

    >>> standardise(np.array([[1.0, 3.0], [5.0, 5.0]], np.float32)).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    centred: Floats = scores - scores.mean(1, keepdims=True)
    deviation = centred.std(1, keepdims=True)
    deviation[deviation < 1e-12] = 1
    centred /= deviation
    return centred


def indicator(
    support: NDArray[np.int64], size: int, values: NDArray[np.generic] | None = None
) -> csr_array:
    """[B, size] with ones, or `values` [B, k], at the support."""
    shots = support.shape[1]
    flat = np.ones(support.size, np.float32) if values is None else values.astype("f4").ravel()
    ends = np.arange(len(support) + 1) * shots
    return csr_array((flat, support.ravel(), ends), shape=(len(support), size))
