"""JSON properties as columns: every value of a property fits its type, or is left out."""

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.property_columns import PropertyTypes, cells

NUMBERS = st.integers() | st.floats(-1e300, 1e300)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=2)
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=6)


def table(rows: list[Mapping[str, object]]) -> pl.DataFrame:
    types = PropertyTypes()
    for row in rows:
        types.learn(row)
    schema = types.schema()
    return pl.DataFrame([cells(row, schema) for row in rows], schema, orient="row")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, None], pl.Int64(), [1, 2, None]),
        ([1, 2.5], pl.Float64(), [1.0, 2.5]),
        ([2**70, 1], pl.Float64(), [float(2**70), 1.0]),
        ([True, False], pl.Boolean(), [True, False]),
        (["a", 1, 1.0, True], pl.String(), ["a", "1", "1", "true"]),
        ([True, 1], pl.String(), ["true", "1"]),
        ([["a", 2, None], "b"], pl.List(pl.String), [["a", "2"], ["b"]]),
        ([{"x": 1}, "a"], pl.String(), [None, "a"]),
    ],
)
def test_a_property_has_one_type(
    values: list[object], dtype: pl.DataType, expected: list[object]
) -> None:
    column = table([{"p": value} for value in values])["p"]
    assert column.dtype == dtype
    assert column.to_list() == expected


def test_numbers_without_bound_are_missing() -> None:
    column = table([{"p": 10**400}, {"p": float("inf")}, {"p": 1.5}])["p"]
    assert column.to_list() == [None, None, 1.5]
    assert table([{"p": [10**400, 1]}])["p"].to_list() == [["1"]]


def test_objects_make_no_column() -> None:
    assert table([{"p": {"x": 1}, "q": 1}]).columns == ["q"]


@given(ROWS)
def test_any_json_makes_a_table(rows: list[Mapping[str, object]]) -> None:
    found = table(rows)
    assert found.height == len(rows)
    for name in found.columns:
        for row, value in zip(rows, found[name], strict=True):
            missing = row.get(name) is None or isinstance(row[name], dict)
            assert (value is None) == missing
