"""Filters as JSON: all, any and not of others, or a field and what it is compared with."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

from app.engine.columns import MOST_COLUMNS, Columns, is_number
from app.engine.filters import Compare, Every, Filter, Not, Operator, Some
from app.errors import InvalidRequest
from app.pointer import pointer_to

DEPTH = 8
PARTS = 100
"""Comparisons in one filter, at most."""
VALUES = 1_000
"""Of one `in`, at most."""

_LARGEST = sys.float_info.max
_GRAMMAR = 'an object with "all", "any", "not", or "field" and a comparison'
_SCALAR = "text, a number, true or false"
_ORDERS: tuple[Operator, ...] = ("gt", "gte", "lt", "lte")
_OPERATORS: Mapping[str, Operator] = {
    name: name for name in ("eq", "in", "gt", "gte", "lt", "lte", "contains", "exists")
}
_COMPARISONS = ", ".join((*_OPERATORS, "ne"))


def parse(told: object, pointer: str, columns: Columns | None = None) -> Filter:
    """The filter that `told` says.

    Args:
        told: JSON.
        pointer: to it, for errors.
        columns: what is told of items, where a field that no item has is an error.

    Raises:
        InvalidRequest: it is no filter, or compares a property with what it never is.
    """
    reading = _Reading(columns)
    return reading.expression(told, pointer, DEPTH)


class _Reading:
    def __init__(self, columns: Columns | None) -> None:
        self._columns = columns
        self._left = PARTS

    def expression(self, told: object, pointer: str, depth: int) -> Filter:
        if not isinstance(told, Mapping) or not told:
            raise InvalidRequest(pointer, _GRAMMAR)
        if depth == 0:
            raise InvalidRequest(pointer, f"nesting of at most {DEPTH} levels")
        if "field" in told:
            return self._comparisons(told, pointer)
        if len(told) != 1:
            raise InvalidRequest(pointer, _GRAMMAR)
        [(word, inner)] = told.items()
        below = pointer + pointer_to([word])
        if word == "not":
            return Not(self.expression(inner, below, depth - 1))
        if word not in {"all", "any"}:
            raise InvalidRequest(below, _GRAMMAR)
        if not isinstance(inner, list):
            raise InvalidRequest(below, "a list of filters")
        parts = tuple(
            self.expression(one, f"{below}/{place}", depth - 1) for place, one in enumerate(inner)
        )
        return Every(parts) if word == "all" else Some(parts)

    def _comparisons(self, told: Mapping[str, Any], pointer: str) -> Filter:
        field, others = told["field"], {k: v for k, v in told.items() if k != "field"}
        if not isinstance(field, str) or not field:
            raise InvalidRequest(f"{pointer}/field", "the name of a property")
        if not others:
            raise InvalidRequest(pointer, f"one of {_COMPARISONS}")
        self._left -= len(others)
        if self._left < 0:
            raise InvalidRequest(pointer, f"at most {PARTS} comparisons in a filter")
        found = tuple(self._compare(field, *one, pointer) for one in others.items())
        return found[0] if len(found) == 1 else Every(found)

    def _compare(self, field: str, word: str, value: object, pointer: str) -> Filter:
        below = pointer + pointer_to([word])
        operator = _OPERATORS.get("eq" if word == "ne" else word)
        if operator is None:
            raise InvalidRequest(below, f"one of {_COMPARISONS}")
        expected, fits = _VALUES[operator]
        if not fits(value):
            raise InvalidRequest(below, expected)
        if self._columns is not None:
            _check_property(self._columns, field, operator, value, pointer)
        compare = Compare(field, operator, tuple(value) if isinstance(value, list) else value)
        return Not(compare) if word == "ne" else compare


def _is_finite(value: object) -> bool:
    """Whole numbers of JSON may be larger than any that is computed with."""
    return is_number(value) and -_LARGEST <= cast("float", value) <= _LARGEST


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _is_finite(value)


def _are_scalars(value: object) -> bool:
    return isinstance(value, list) and len(value) <= VALUES and all(map(_is_scalar, value))


_VALUES: Mapping[Operator, tuple[str, Callable[[object], bool]]] = {
    "eq": (_SCALAR, _is_scalar),
    "contains": (_SCALAR, _is_scalar),
    "in": (f"a list of at most {VALUES:,} texts, numbers or truth values", _are_scalars),
    "exists": ("true or false", lambda value: isinstance(value, bool)),
    **dict.fromkeys(_ORDERS, ("a number", _is_finite)),
}


def _check_property(
    columns: Columns, field: str, operator: Operator, value: object, pointer: str
) -> None:
    if field not in columns.by_name and columns.is_full:
        raise InvalidRequest(f"{pointer}/field", f"one of the {MOST_COLUMNS} properties kept first")
    if field not in columns.by_name:
        raise InvalidRequest(f"{pointer}/field", f"a property that some item has, not {field!r}")
    column = columns.kept(field)
    if column is None:
        raise InvalidRequest(f"{pointer}/field", f"a property of few values; {field!r} names items")
    if operator in _ORDERS and not column.has_numbers:
        raise InvalidRequest(
            f"{pointer}/{operator}", f"no order, for {field!r} is nowhere a number"
        )
    if operator == "eq" and isinstance(value, str) and not column.words:
        raise InvalidRequest(f"{pointer}/eq", f"a number, as {field!r} is everywhere")
