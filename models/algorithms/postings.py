"""Of every feature, the items that have it: an inverted index.

What a newer item is like is found in the lists of its own features, so that it costs as much as
these are long and not as much as is known of the whole catalogue.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.shapes import Features, Kin

MOST_KIN = 50


class Postings(NamedTuple):
    """Over N items and V features; feature v has those from ends[v - 1] to ends[v]."""

    ends: Tensor
    """[V] int64"""
    items: Tensor
    """[P] int32"""
    values: Tensor
    """[P] float32 how much of the feature each has."""
    catalogue: int
    """N"""

    @classmethod
    def of(cls, columns: Tensor, values: Tensor, features: int) -> "Postings":
        """Of the features [N, J] of N items; those of value 0 do not count."""
        used = (values != 0).cpu().numpy()
        starts = np.concatenate([[0], used.sum(1).cumsum()])
        entries = values.float().cpu().numpy()[used], columns.cpu().numpy()[used], starts
        turned = csr_array(entries, shape=(len(columns), features)).tocsc()
        turned.sum_duplicates()
        parts = turned.indptr[1:].astype(np.int64), turned.indices.astype(np.int32), turned.data
        ends, items, amounts = (torch.from_numpy(part).to(values.device) for part in parts)
        return cls(ends, items, amounts, len(columns))

    @property
    def tensors(self) -> dict[str, Tensor]:
        return {"ends": self.ends, "items": self.items, "values": self.values}

    def alike(self, asked: Features) -> Kin:
        """The items of largest product with each of M rows of features, by their share of its sum.

        A row's neighbours do not change what it is like.
        """
        found = self.values.new_zeros(len(asked.columns), self.catalogue)
        ends = self.ends.tolist()
        for scores, columns, values in zip(
            found, asked.columns.tolist(), asked.values.tolist(), strict=True
        ):
            for feature, value in zip(columns, values, strict=True):
                if value:
                    posted = slice(ends[feature - 1] if feature else 0, ends[feature])
                    scores.index_add_(0, self.items[posted], self.values[posted], alpha=value)
        near = found.clamp_min_(0).topk(min(MOST_KIN, self.catalogue), dim=1)
        values = near.values.to(asked.values)
        total = values.sum(1, keepdim=True)
        return Kin(near.indices, values / torch.where(total > 0, total, 1))
