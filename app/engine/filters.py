"""Filters on properties of items, as expressions, and the rows that they let pass."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import eq, ge, gt, le, lt
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.engine import bits
from app.engine.bits import Bits
from app.engine.columns import CHUNK, Chunks, Column, Columns, T, Word, is_number, word

Operator: TypeAlias = Literal["eq", "in", "gt", "gte", "lt", "lte", "contains", "exists"]
Mask: TypeAlias = NDArray[np.bool_]

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_FEW = 8
"""Codes that are looked for one by one; more of them by a table."""


@dataclass(frozen=True, slots=True)
class Compare:
    """What a property is compared with. Items that lack it only pass `exists` false.

    `in` takes several values, as a tuple; `contains` is of lists; the orders are of numbers.
    """

    field: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    of: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Some:
    of: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: "Filter"


Filter: TypeAlias = Compare | Every | Some | Not


def passing(wanted: Filter, columns: Columns) -> Bits:
    """[N] the items that a filter lets pass. A field that nothing is told of lets none pass."""
    sizes = [min(CHUNK, columns.size - start) for start in range(0, columns.size, CHUNK)]
    packed = [bits.pack(_mask(wanted, columns, part)[:size]) for part, size in enumerate(sizes)]
    return np.concatenate(packed) if packed else np.zeros(0, np.uint8)


def _mask(wanted: Filter, columns: Columns, part: int) -> Mask:
    """[CHUNK]"""
    match wanted:
        case Every(of):
            return _all([_mask(one, columns, part) for one in of])
        case Some(of):
            return _any([_mask(one, columns, part) for one in of])
        case Not(of):
            return ~_mask(of, columns, part)
        case Compare(field, operator, value):
            column = columns.kept(field)
            if column is None:
                return np.full(CHUNK, operator == "exists" and not value)
            return _compared(column, operator, value, part)


def _compared(column: Column, operator: Operator, value: Any, part: int) -> Mask:
    numbers, codes = _part(column.numbers, part), _part(column.codes, part)
    if operator == "exists":
        present = _any([*(~np.isnan(some) for some in numbers), *(some != 0 for some in codes)])
        return present if value else ~present
    if operator in _ORDERS:
        return _any([_ORDERS[operator](some, float(value)) for some in numbers])
    if operator == "contains":
        held = word(value)
        words = list(column.words.items())  # a later version may be adding some meanwhile
        wanted = [code for one, code in words if held in _listed(one)]
        return _any([_coded(some, wanted) for some in codes])
    values = value if operator == "in" else [value]
    equal = [eq(some, float(one)) for one in values if is_number(one) for some in numbers]
    named = [column.words.get(word(one), 0) for one in values if not is_number(one)]
    return _any([*equal, *(_coded(some, [code for code in named if code]) for some in codes)])


def _listed(one: Word) -> tuple[Word, ...]:
    """The parts of the word of a list; none of a scalar's."""
    return tuple(part for part in one if isinstance(part, tuple))


def _coded(codes: NDArray[np.int32], wanted: list[int]) -> Mask:
    if len(wanted) <= _FEW:
        return _any([codes == code for code in wanted])
    return np.isin(codes, wanted, kind="table")


def _part(chunks: Chunks[T], part: int) -> list[NDArray[T]]:
    """That chunk, or none where nothing is told in it."""
    found = chunks.parts[part] if part < len(chunks.parts) else None
    return [] if found is None else [found]


def _all(masks: list[Mask]) -> Mask:
    return reduce(np.logical_and, masks) if masks else np.ones(CHUNK, np.bool_)


def _any(masks: list[Mask]) -> Mask:
    return reduce(np.logical_or, masks) if masks else np.zeros(CHUNK, np.bool_)
