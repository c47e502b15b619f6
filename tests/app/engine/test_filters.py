"""Columns and filters say what a look at every item would say, whatever has changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine import bits
from app.engine import columns as columns_module
from app.engine.columns import CHUNK, Columns
from app.engine.filters import Compare, Every, Filter, Not, Operator, Some, passing

FIELDS = ("kind", "price", "tags")
SCALARS = st.sampled_from(["a", "b", "1", 1, 1.0, 2, True, False, -3.5])
VALUES = st.one_of(st.none(), SCALARS, st.lists(SCALARS, max_size=3))
PROPERTIES = st.dictionaries(st.sampled_from(FIELDS), VALUES)
OPERATORS: tuple[Operator, ...] = ("eq", "gt", "gte", "lt", "lte", "contains", "in", "exists")


@st.composite
def compares(draw: st.DrawFn) -> Compare:
    operator = draw(st.sampled_from(OPERATORS))
    values = {
        "exists": st.booleans(),
        "in": st.lists(SCALARS, max_size=3).map(tuple),
        "eq": SCALARS,
        "contains": SCALARS,
    }
    value = draw(values.get(operator, st.sampled_from([-1, 1, 1.5, 2])))
    return Compare(draw(st.sampled_from((*FIELDS, "unheard-of"))), operator, value)


FILTERS: st.SearchStrategy[Filter] = st.recursive(
    compares(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(tuple).map(Every),
        st.lists(inner, max_size=3).map(tuple).map(Some),
    ),
    max_leaves=5,
)


def equal(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def passes(wanted: Filter, item: Mapping[str, Any]) -> bool:
    match wanted:
        case Every(of):
            return all(passes(one, item) for one in of)
        case Some(of):
            return any(passes(one, item) for one in of)
        case Not(of):
            return not passes(of, item)
        case Compare(field, operator, value):
            return compared(item.get(field), operator, value)


def compared(told: Any, operator: Operator, value: Any) -> bool:
    if operator == "exists":
        return (told is not None) == bool(value)
    if operator == "contains":
        return isinstance(told, list) and any(equal(one, value) for one in told)
    if operator == "in":
        return any(equal(told, one) for one in value)
    if operator == "eq":
        return equal(told, value)
    if isinstance(told, bool | list | str | None):
        return False
    orders = {"gt": told > value, "gte": told >= value, "lt": told < value, "lte": told <= value}
    return bool(orders[operator])


@given(
    st.lists(st.dictionaries(st.integers(0, 5), PROPERTIES, max_size=4), max_size=4),
    st.lists(FILTERS, min_size=1, max_size=4),
)
def test_filters_let_pass_what_a_look_at_every_item_would(
    changes: list[dict[int, dict[str, Any]]], wanted: list[Filter]
) -> None:
    """Rows are far apart, so that there are several chunks, some of them empty."""
    told: dict[int, dict[str, Any]] = {}
    columns, versions = Columns(), []
    for change in changes:
        rows = {row * (CHUNK // 3): properties for row, properties in change.items()}
        told = {**told, **rows}
        columns = columns.changed(list(rows), list(rows.values()), max(told, default=-1) + 1)
        versions.append((columns, told))
    for known, items in versions:
        for one in wanted:
            mask = bits.mask(passing(one, known), known.size)
            for row, properties in items.items():
                assert mask[row] == passes(one, properties)
            rest = np.ones(known.size, np.bool_)
            rest[list(items)] = False
            assert (mask[rest] == passes(one, {})).all()


def test_a_property_with_a_word_for_every_item_cannot_be_filtered_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(columns_module, "MOST_WORDS", 3)
    told = [{"title": f"the {n}", "kind": n % 2 == 0, "price": n} for n in range(5)]
    columns = Columns().changed(range(5), told, 5)
    assert columns.kept("title") is None
    assert bits.rows(passing(Compare("kind", "eq", True), columns)).tolist() == [0, 2, 4]
    assert bits.rows(passing(Compare("price", "gte", 3), columns)).tolist() == [3, 4]
