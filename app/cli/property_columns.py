"""Properties as JSON become the columns of a table: one type for each, told from all values."""

from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

Schema: TypeAlias = Mapping[str, pl.DataType]
Properties: TypeAlias = Mapping[str, object]

_INT64 = 2**63
_LARGEST = 1e300
"""Numbers beyond count as missing: JSON sets them no bound, a column does."""


class PropertyTypes:
    """Learns what type the column of each property must have.

    Numbers stay numbers, truth values stay such, lists become lists of text; plain values of
    different kinds in one property become text. Objects are left out.

    >>> types = PropertyTypes()
    >>> types.learn({"price": 3, "tags": ["a", 1], "made": {"in": "ch"}})
    >>> types.learn({"price": 2.5})
    >>> types.schema()
    {'price': Float64, 'tags': List(String)}
    """

    def __init__(self) -> None:
        self._kinds: dict[str, set[type]] = {}

    def learn(self, properties: Properties) -> None:
        for name, value in properties.items():
            kind = _kind(value)
            if kind is not None:
                self._kinds.setdefault(name, set()).add(kind)

    def schema(self) -> dict[str, pl.DataType]:
        return {name: _dtype(kinds) for name, kinds in sorted(self._kinds.items())}


def cells(properties: Properties, schema: Schema) -> tuple[object, ...]:
    """What a row holds in each column; None where it has no such property.

    >>> cells({"price": 3, "tags": ["a", 1]}, {"price": pl.Float64(), "tags": pl.List(pl.String)})
    (3.0, ['a', '1'])
    """
    return tuple(_cell(properties.get(name), dtype) for name, dtype in schema.items())


def _kind(value: object) -> type | None:
    """What a value is; None if no column can hold it."""
    match value:
        case bool():
            return bool
        case int() | float():
            return _kind_of_number(value)
        case str() | list():
            return type(value)
    return None


def _kind_of_number(value: float) -> type | None:
    if not abs(value) <= _LARGEST:
        return None
    return int if isinstance(value, int) and -_INT64 <= value < _INT64 else float


def _dtype(kinds: set[type]) -> pl.DataType:
    if list in kinds:
        return pl.List(pl.String)
    if kinds == {bool}:
        return pl.Boolean()
    if kinds == {int}:
        return pl.Int64()
    return pl.Float64() if kinds <= {int, float} else pl.String()


def _cell(value: object, dtype: pl.DataType) -> object:
    if value is None or _kind(value) is None:
        return None
    if isinstance(dtype, pl.List):
        elements = value if isinstance(value, list) else [value]
        return [text for one in elements if (text := _text(one)) is not None]
    if isinstance(dtype, pl.String):
        return _text(value)
    if isinstance(dtype, pl.Float64) and isinstance(value, int | float):
        return float(value)
    return value


def _text(value: object) -> str | None:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float() if _kind_of_number(value):
            return str(int(value)) if value == int(value) else repr(value)
    return None
