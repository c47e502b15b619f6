"""Decide what each column of a table becomes, and which of its values are worth a feature."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.features.columns import Column, NumberColumn, TextColumn, ValuesColumn
from models.features.kinds import kind_of
from models.features.parsing import label, plain_values

_MOST_STEPS = 32  # numbers of no more different values get a bucket for each
_MOST_QUANTILES = 10
_TAILS = (0.01, 0.99)


class _Unusable(Exception):
    """Why a column is left out."""


def fit_columns(
    table: pl.DataFrame, names: Sequence[str], min_count: int, room: int
) -> tuple[list[Column], list[str]]:
    """The columns worth having, of at most `room` features in all, and notes on the others.

    Values in fewer than `min_count` rows are left out, then as many of the rarest as needed.
    """
    drafts, notes = list[tuple[Column, Counter[str]]](), list[str]()
    for name in names:
        try:
            column, counts = _draft(table[name], min_count, room)
        except _Unusable as reason:
            notes.append(f"column {name!r} ignored: {reason}")
        else:
            drafts.append((column, counts))
            room -= column.size
    kept = _most_frequent([counts for _, counts in drafts], min_count, room)
    columns = list[Column]()
    for (column, _), values in zip(drafts, kept, strict=True):
        if not isinstance(column, ValuesColumn):
            columns.append(column)
        elif values:
            columns.append(replace(column, values=tuple(values)))
        else:
            notes.append(f"column {column.name!r} ignored: none of its values occurs often enough")
    return columns, notes


def _most_frequent(counted: list[Counter[str]], min_count: int, room: int) -> list[list[str]]:
    """Of each column the values that are kept, the most frequent first."""
    ranked = sorted(
        (-count, place, value)
        for place, counts in enumerate(counted)
        for value, count in counts.items()
        if count >= min_count
    )
    kept: list[list[str]] = [[] for _ in counted]
    for _, place, value in ranked[:room]:
        kept[place].append(value)
    return kept


def _draft(column: pl.Series, min_count: int, room: int) -> tuple[Column, Counter[str]]:
    """The column, yet without values, and how often each value occurs."""
    values = plain_values(column)
    kind = kind_of(column, values, min_count)
    counts = Counter[str]()
    draft: Column
    match kind:
        case None:
            raise _Unusable(f"nothing can be made of the type {column.dtype}")
        case "number" | "date":
            draft = _number_column(NumberColumn(column.name, kind), values, min_count)
        case "category" | "list":
            draft, counts = _values_column(ValuesColumn(column.name, kind), values)
        case "text":
            missing = any(label(value) is None for value in values)
            draft = TextColumn(column.name, missing=missing)
    if draft.size > room:
        raise _Unusable("there is no room for more features")
    return draft, counts


def _values_column(
    column: ValuesColumn, values: Sequence[object]
) -> tuple[ValuesColumn, Counter[str]]:
    rows = [column.read(value) for value in values]
    counts = Counter(value for row in rows for value in row)
    missing = not all(rows)
    if not counts:
        raise _Unusable("it holds no usable value")
    if not missing and all(row == rows[0] for row in rows):
        raise _Unusable("it is always the same")
    return replace(column, missing=missing), counts


def _number_column(column: NumberColumn, values: Sequence[object], min_count: int) -> NumberColumn:
    numbers = column.read(values)
    present = numbers[~np.isnan(numbers)]
    missing = len(present) < len(numbers)
    if not len(present):
        raise _Unusable("it holds no usable value")
    if not missing and present.min() == present.max():
        raise _Unusable("it is always the same")
    mean, deviation = _spread(present)
    edges = _edges(present, min_count)
    return replace(column, missing=missing, mean=mean, deviation=deviation, edges=edges)


def _spread(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and deviation, the tails pulled in unless nothing else differs."""
    middle = numbers.clip(*np.quantile(numbers, _TAILS))
    if middle.min() == middle.max():
        middle = numbers
    if middle.min() == middle.max():
        return float(middle[0]), 1.0
    return float(middle.mean()), float(middle.std() or 1.0)


def _edges(numbers: NDArray[np.float64], min_count: int) -> tuple[float, ...]:
    distinct, counts = np.unique(numbers, return_counts=True)
    common = counts >= min_count
    if len(distinct) <= _MOST_STEPS and counts[common].sum() > 0.9 * len(numbers):
        edges = distinct[common]
    else:
        buckets = max(1, min(_MOST_QUANTILES, len(numbers) // min_count))
        edges = np.quantile(numbers, np.arange(1, buckets) / buckets, method="lower")
        edges = np.unique(edges)
    return tuple(edges[edges < distinct[-1]].tolist())
