"""Batches as NamedTuples of tensors, with their shapes.

B entities, K support slots, N items, D vector width, F fast weights per entity.
"""

from typing import NamedTuple

from torch import Tensor


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
    query: Tensor
    """[B, N] float: 1 where the entity interacted outside its support, else 0."""
