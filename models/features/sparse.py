"""Sparse rows on their way from columns to `Features`, and on to scipy."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.shapes import Features


class Cells(NamedTuple):
    """Some non-zero cells of a table of features; cells of one place add up."""

    rows: NDArray[np.int64]
    """[n]"""
    columns: NDArray[np.int64]
    """[n]"""
    values: NDArray[np.float32]
    """[n]"""

    @classmethod
    def ones(cls, rows: NDArray[np.int64], column: int) -> "Cells":
        """A 1 in one column of some rows."""
        return cls(rows, np.full(len(rows), column), np.ones(len(rows), np.float32))

    @classmethod
    def joined(cls, parts: Sequence["Cells"]) -> "Cells":
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def moved(self, columns: int) -> "Cells":
        """So many columns further to the right."""
        return self._replace(columns=self.columns + columns)

    def padded(self, entities: int) -> Features:
        """The cells as rows of equal length: that of the longest, in the order given here."""
        order = np.argsort(self.rows, kind="stable")
        rows = self.rows[order]
        lengths = np.bincount(rows, minlength=entities)
        starts = np.cumsum(lengths) - lengths
        slots = np.arange(len(rows)) - starts[rows]
        shape = (entities, int(lengths.max(initial=0)))
        columns, values = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        columns[rows, slots] = self.columns[order]
        values[rows, slots] = self.values[order]
        return Features(torch.from_numpy(columns), torch.from_numpy(values))


def to_csr(features: Features, size: int) -> csr_array:
    """[B, size] the same rows for scipy, such as for a ridge regression."""
    columns, values = features.columns.cpu().numpy(), features.values.cpu().numpy()
    rows, slots = np.nonzero(values)
    cells = (values[rows, slots], (rows, columns[rows, slots]))
    return csr_array(cells, shape=(len(columns), size))
