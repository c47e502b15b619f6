"""JSON filters: what they mean, and what is said of those that are none."""

from typing import Any

import pytest

from app.engine.columns import MOST_COLUMNS, Columns
from app.engine.expressions import parse
from app.engine.filters import Compare, Every, Filter, Not, Some
from app.errors import InvalidRequest

TOLD: list[dict[str, Any]] = [
    {"kind": "a", "price": 3, "tags": ["x"]},
    {"kind": "b", "price": 9.5},
]
COLUMNS = Columns().changed([0, 1], TOLD, 2)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"field": "kind", "eq": "a"}, Compare("kind", "eq", "a")),
        ({"field": "kind", "ne": "a"}, Not(Compare("kind", "eq", "a"))),
        ({"field": "kind", "in": ["a", 1]}, Compare("kind", "in", ("a", 1))),
        ({"field": "tags", "contains": "x"}, Compare("tags", "contains", "x")),
        ({"field": "tags", "exists": False}, Compare("tags", "exists", False)),
        (
            {"field": "price", "gte": 1, "lt": 2},
            Every((Compare("price", "gte", 1), Compare("price", "lt", 2))),
        ),
        (
            {"any": [{"field": "kind", "eq": "a"}, {"not": {"field": "price", "gt": 2}}]},
            Some((Compare("kind", "eq", "a"), Not(Compare("price", "gt", 2)))),
        ),
        ({"all": []}, Every(())),
    ],
)
def test_meaning(told: object, meant: Filter) -> None:
    assert parse(told, "/filter", COLUMNS) == meant


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"field": "kind", "eq": "a"}
    for _ in range(levels):
        inner = {"not": inner}
    return inner


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ([], "/filter"),
        ({}, "/filter"),
        ({"all": {}}, "/filter/all"),
        ({"all": [], "any": []}, "/filter"),
        ({"some": []}, "/filter/some"),
        ({"any": [{"field": "kind", "eq": "a"}, 3]}, "/filter/any/1"),
        ({"field": 3, "eq": 1}, "/filter/field"),
        ({"field": "kind"}, "/filter"),
        ({"field": "kind", "like": "a"}, "/filter/like"),
        ({"field": "kind", "eq": None}, "/filter/eq"),
        ({"field": "kind", "in": "a"}, "/filter/in"),
        ({"field": "kind", "in": [[]]}, "/filter/in"),
        ({"field": "kind", "in": ["a"] * 1_001}, "/filter/in"),
        ({"field": "price", "lte": "3"}, "/filter/lte"),
        ({"field": "price", "lte": True}, "/filter/lte"),
        ({"field": "price", "exists": 1}, "/filter/exists"),
        ({"field": "colour", "eq": "red"}, "/filter/field"),
        ({"not": {"field": "kind", "gt": 3}}, "/filter/not/gt"),
        ({"field": "price", "eq": "cheap"}, "/filter/eq"),
        ({"all": [{"field": "kind", "eq": "a"}] * 101}, "/filter/all/100"),
        (nested(8), "/filter" + "/not" * 8),
    ],
)
def test_what_is_no_filter(told: object, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse(told, "/filter", COLUMNS)
    assert refusal.value.pointer == pointer


def test_without_a_catalogue_any_field_will_do() -> None:
    assert parse({"field": "colour", "gt": 1}, "/filter") == Compare("colour", "gt", 1)


def test_a_property_that_names_items_cannot_be_filtered_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.engine.columns.MOST_WORDS", 1)
    with pytest.raises(InvalidRequest, match="names items"):
        parse({"field": "kind", "eq": "a"}, "", COLUMNS)


def test_of_very_many_properties_the_first_can_be_filtered_by() -> None:
    told = {f"p{number}": number for number in range(MOST_COLUMNS + 5)}
    columns = Columns().changed([0], [told], 1).changed([1], [{"p1": 1, "another": 1}], 2)
    assert len(columns.by_name) == MOST_COLUMNS
    parse({"field": "p1", "eq": 1}, "", columns)
    for late in ("another", f"p{MOST_COLUMNS}"):
        with pytest.raises(InvalidRequest, match="256 properties kept first"):
            parse({"field": late, "eq": 1}, "", columns)
