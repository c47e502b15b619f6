"""What is told of items, by property: numbers as they are, everything else by its code.

Columns never change in place. They are cut into chunks, and a change copies those that it meets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

CHUNK = 65_536
"""A multiple of 8, so that the bits of chunks can be put in a row."""
MOST_COLUMNS = 256
"""Properties that can be filtered by: each takes up to half a megabyte in each chunk."""
MOST_WORDS = 65_536
"""A property with more different words names items rather than kinds of them, as titles do."""

T = TypeVar("T", bound=np.float64 | np.int32)
Word: TypeAlias = tuple[str, str] | tuple["Word", ...]
"""JSON text of a scalar after its type, so that true, 1 and "1" differ; or those of a list."""


@dataclass(frozen=True, slots=True)
class Chunks(Generic[T]):
    """[N] values; a chunk without any is None."""

    nothing: T
    size: int
    parts: tuple[NDArray[T] | None, ...] = ()

    def changed(self, rows: NDArray[np.int64], values: NDArray[T], size: int) -> "Chunks[T]":
        """With values in these rows, and of that size."""
        parts = [*self.parts, *[None] * (-(-size // CHUNK) - len(self.parts))]
        order = np.argsort(rows, kind="stable")
        rows, values = rows[order], values[order]
        touched, starts = np.unique(rows // CHUNK, return_index=True)
        ends = [*starts[1:].tolist(), len(rows)]
        for chunk, start, end in zip(touched.tolist(), starts.tolist(), ends, strict=True):
            places = rows[start:end] % CHUNK
            parts[chunk] = self._written(parts[chunk], places, values[start:end])
        return Chunks(self.nothing, size, tuple(parts))

    def _written(
        self, part: NDArray[T] | None, places: NDArray[np.int64], values: NDArray[T]
    ) -> NDArray[T] | None:
        if part is None and _same(values, self.nothing).all():
            return None
        new = np.full(CHUNK, self.nothing) if part is None else part.copy()
        new[places] = values
        return new


@dataclass(frozen=True, slots=True)
class Column:
    """One property of N items, of which some may lack it."""

    numbers: Chunks[np.float64]
    """NaN where there is none."""
    codes: Chunks[np.int32]
    """0 where there is no word."""
    words: dict[Word, int] = field(default_factory=dict)
    """The codes; it only grows, and all versions of a column share it."""

    @classmethod
    def empty(cls) -> "Column":
        return cls(Chunks(np.float64(np.nan), 0), Chunks(np.int32(0), 0))

    @property
    def is_kept(self) -> bool:
        return len(self.words) <= MOST_WORDS

    @property
    def has_numbers(self) -> bool:
        return any(part is not None for part in self.numbers.parts)

    def changed(self, rows: Sequence[int], values: Sequence[Any], size: int) -> "Column":
        where = np.array(rows, np.int64)
        numbers = np.array([one if is_number(one) else np.nan for one in values], np.float64)
        codes = np.array([self._code(one) for one in values], np.int32)
        return replace(
            self,
            numbers=self.numbers.changed(where, numbers, size),
            codes=self.codes.changed(where, codes, size),
        )

    def _code(self, value: Any) -> int:
        if value is None or is_number(value):
            return 0
        key = word(value)
        if key not in self.words and self.is_kept:
            self.words[key] = len(self.words) + 1
        return self.words.get(key, 0)


@dataclass(frozen=True, slots=True)
class Columns:
    """All properties of N items."""

    size: int = 0
    by_name: Mapping[str, Column] = field(default_factory=dict)

    def changed(
        self, rows: Sequence[int], told: Sequence[Mapping[str, Any]], size: int
    ) -> "Columns":
        """Of `size` items, of which those of `rows` are told anew, each once."""
        written: dict[str, tuple[list[int], list[Any]]] = {}
        names = set(self.by_name)
        for row, properties in zip(rows, told, strict=True):
            for name, value in properties.items():
                if name not in names:
                    if len(names) == MOST_COLUMNS:
                        continue
                    names.add(name)
                places, values = written.setdefault(name, ([], []))
                places.append(row)
                values.append(value)
        known = [row for row in rows if row < self.size]
        by_name = dict(self.by_name)
        for name in {*by_name, *written} if known else written:
            places, values = written.get(name, ([], []))
            lacking = set(known).difference(places)
            places, values = [*places, *lacking], [*values, *[None] * len(lacking)]
            by_name[name] = by_name.get(name, Column.empty()).changed(places, values, size)
        return Columns(size, by_name)

    @property
    def is_full(self) -> bool:
        return len(self.by_name) >= MOST_COLUMNS

    def kept(self, name: str) -> Column | None:
        """The column of that name, if it can be filtered by."""
        column = self.by_name.get(name)
        return column if column is not None and column.is_kept else None


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def word(value: Any) -> Word:
    """What stands for a value.

    >>> word(True), word(["a", 1])
    (('bool', 'True'), (('str', 'a'), ('number', '1.0')))
    """
    if isinstance(value, list | tuple):
        return tuple(map(word, value))
    if is_number(value):
        return "number", repr(float(value))
    return type(value).__name__, str(value)


def _same(values: NDArray[T], nothing: T) -> NDArray[np.bool_]:
    return np.isnan(values) if np.isnan(nothing) else values == nothing
