"""What a column of a table becomes: one class for each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.features.parsing import day, label, labels, number
from models.features.sparse import Cells

Meaning: TypeAlias = tuple[str, ...]
"""What a feature says; equal in two encoders where it says the same."""

_FARTHEST = 3.0


@dataclass(frozen=True)
class NumberColumn:
    """[standardised, one per bucket..., missing]; dates count as days since 1970.

    Buckets let a linear map follow any curve. Bucket n holds edges[n - 1] < x <= edges[n].
    """

    name: str
    kind: Literal["number", "date"]
    missing: bool = False
    """Whether the column had missing values when it was fitted."""
    mean: float = 0.0
    deviation: float = 1.0
    edges: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        return 1 + self._buckets + self.missing

    @property
    def _buckets(self) -> int:
        return len(self.edges) + 1 if self.edges else 0

    @property
    def meanings(self) -> list[Meaning]:
        ends = [repr(edge) for edge in self.edges]
        buckets = zip(["", *ends], [*ends, ""], strict=True) if ends else ()
        return [
            (self.name, self.kind),
            *((self.name, self.kind, low, high) for low, high in buckets),
            *_missing_meaning(self),
        ]

    def cells(self, values: Sequence[object]) -> Cells:
        numbers = self.read(values)
        present = np.flatnonzero(~np.isnan(numbers))
        with np.errstate(over="ignore"):
            distances = (numbers[present] - self.mean) / self.deviation
        standardised = distances.clip(-_FARTHEST, _FARTHEST).astype(np.float32)
        parts = [Cells(present, np.zeros(len(present), np.int64), standardised)]
        if self.edges:
            buckets = np.searchsorted(self.edges, numbers[present])
            parts.append(Cells(present, 1 + buckets, np.ones(len(present), np.float32)))
        return Cells.joined([*parts, *_missing_cells(self, np.isnan(numbers))])

    def read(self, values: Sequence[object]) -> NDArray[np.float64]:
        """[n] NaN where there is none."""
        read = number if self.kind == "number" else day
        return np.array([read(value) for value in values], np.float64)


@dataclass(frozen=True)
class ValuesColumn:
    """[one per value..., other, missing]: the n different ones of a row weigh 1 / sqrt(n) each.

    Values that were too rare when the column was fitted, or are new, count once, as other.
    """

    name: str
    kind: Literal["category", "list"]
    missing: bool = False
    """Whether the column had missing values when it was fitted."""
    values: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(self.values) + 1 + self.missing

    @property
    def meanings(self) -> list[Meaning]:
        return [
            *((self.name, "is", value) for value in self.values),
            (self.name, "other"),
            *_missing_meaning(self),
        ]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.values)}

    def cells(self, values: Sequence[object]) -> Cells:
        other = len(self.values)
        rows, columns = list[int](), list[int]()
        for row, value in enumerate(values):
            found = {self._places.get(one, other) for one in self.read(value)}
            rows += [row] * len(found)
            columns += sorted(found)
        where = np.array(rows, np.int64)
        counts = np.bincount(where, minlength=len(values))
        weights = (1 / np.sqrt(counts[where])).astype(np.float32)
        present = Cells(where, np.array(columns, np.int64), weights)
        return Cells.joined([present, *_missing_cells(self, counts == 0)])

    def read(self, value: object) -> list[str]:
        if self.kind == "list":
            return labels(value)
        one = label(value)
        return [] if one is None else [one]


@dataclass(frozen=True)
class TextColumn:
    """[missing]; the texts of all columns share their features, which are no part of any."""

    name: str
    kind: Literal["text"] = "text"
    missing: bool = False
    """Whether the column had missing values when it was fitted."""

    @property
    def size(self) -> int:
        return int(self.missing)

    @property
    def meanings(self) -> list[Meaning]:
        return _missing_meaning(self)

    def cells(self, values: Sequence[object]) -> Cells:
        lacking = np.array([label(value) is None for value in values], bool)
        return Cells.joined(_missing_cells(self, lacking))


Column: TypeAlias = NumberColumn | ValuesColumn | TextColumn


def _missing_meaning(column: Column) -> list[Meaning]:
    return [(column.name, "missing")] if column.missing else []


def _missing_cells(column: Column, lacking: NDArray[np.bool_]) -> list[Cells]:
    return [Cells.ones(np.flatnonzero(lacking), column.size - 1)] if column.missing else []
