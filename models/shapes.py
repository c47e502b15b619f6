"""Batches as NamedTuples of tensors, with their shapes.

B entities, K support slots, N items, D vector width, F fast weights per entity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

MOST_SHOTS = 50
"""The largest support."""


class Features(NamedTuple):
    """What is known of B entities or items beside their events, as sparse rows.

    A linear map sees sum_j values_j * map[columns_j].
    """

    columns: Tensor
    """[B, J] int64: which feature; 0 in unused slots."""
    values: Tensor
    """[B, J] float; 0 in unused slots."""

    @classmethod
    def none(cls, entities: int) -> "Features":
        """Of so many entities of which nothing is known."""
        return cls(torch.zeros(entities, 0, dtype=torch.int64), torch.zeros(entities, 0))

    def of(self, rows: Sequence[int] | NDArray[np.int64] | Tensor) -> "Features":
        """Those of some rows, in that order."""
        chosen = torch.as_tensor(rows, dtype=torch.int64)
        return Features(self.columns[chosen], self.values[chosen])


class Support(NamedTuple):
    """What B entities did first. Unused slots have weight 0, so padding teaches nothing."""

    items: Tensor
    """[B, K] int64: rows of the item matrix; 0 in unused slots."""
    weights: Tensor
    """[B, K] float: signed event weights; 0 marks an unused slot."""

    @property
    def shots(self) -> Tensor:
        """[B] effective shots: the sum of |weight|."""
        return self.weights.abs().sum(-1)


class Episode(NamedTuple):
    """B tasks: learn from `support`, be judged by `query`."""

    support: Support
    profile: Features
    query: Tensor
    """[B, N] float: 1 where the entity interacted outside its support, else 0."""


class Recollection(NamedTuple):
    """What the memory adds to the scores of B entities; an item may occur more than once."""

    items: Tensor
    """[B, J] int64: rows of the item matrix."""
    scores: Tensor
    """[B, J]"""


class Kin(NamedTuple):
    """The trained items that M newer items are most like by their content."""

    items: Tensor
    """[M, J] int64: rows of the item matrix."""
    shares: Tensor
    """[M, J] that add up to 1, or to 0 where nothing is alike."""

    def mean(self, recalled: Tensor) -> Tensor:
        """[B, M] of their kin, of what is recalled [B, N] of trained items."""
        table, shares = recalled.T.contiguous(), self.shares.to(recalled)
        return embedding_bag(self.items, table, mode="sum", per_sample_weights=shares).T


class Company(NamedTuple):
    """The trained items that the first users of M newer items know as well."""

    items: Tensor
    """[M, J] int64: rows of the item matrix; 0 in unused slots."""
    shares: Tensor
    """[M, J] that add up to 1, each user counting the same; or to 0 where nothing is known."""
    users: Tensor
    """[M] float: how many first users tell."""


class Personal(NamedTuple):
    """What scoring needs to know of B entities."""

    prior: Tensor
    """[B, F] fast weights before the support, from the profile."""
    fast: Tensor
    """[B, F] fast weights after the inner loop."""
    gate: Tensor
    """[B] how far to depart from popularity: 0 not at all, 1 all the way."""
    shots: Tensor
    """[B] effective shots."""


class Parts(NamedTuple):
    """What a score is made of: popularity where the gate is closed, else bias and departures."""

    popularity: Tensor
    """[N]"""
    biases: Tensor
    """[N]"""
    departures: dict[str, Tensor]
    """By the table by shots that weighs it: [B, N]."""


class RankingTask(NamedTuple):
    """What the ranking head of B entities learns from: their support and M shared negatives."""

    vectors: Tensor
    """[B, K, d] vectors of the support's items."""
    biases: Tensor
    """[B, K] biases of the support's items."""
    weights: Tensor
    """[B, K] signed event weights; 0 marks an unused slot."""
    negatives: Tensor
    """[M, d] vectors of the sampled items."""
    corrections: Tensor
    """[M] biases of the sampled items minus log(M q), q their chance of being drawn."""
    hits: Tensor
    """[B, M] bool: the sampled item is also in the entity's support."""
