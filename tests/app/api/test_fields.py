from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.api.fields import EARLIEST, LATEST, EventId, Id, Person, Properties, Timestamp
from app.domain import Entity, Namespace

ID = TypeAdapter(Id)
TIMESTAMP = TypeAdapter(Timestamp)
PROPERTIES = TypeAdapter(Properties)

moments = st.integers(round(EARLIEST.timestamp() * 1000), round(LATEST.timestamp() * 1000) - 1)


def message(adapter: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "good",
    ["a", "a/b", 'it\'s "quoted"', "{brace}", "{{}}", "%2F", "🎬" * 64, "x" * 256, " ", "..", "\n"],
)
def test_ids_may_be_any_text_of_256_bytes(good: str) -> None:
    assert ID.validate_python(good) == good


@pytest.mark.parametrize("bad", ["", "x" * 257, "🎬" * 65, "a\0b", "\ud800", "a\udfffb"])
def test_bad_ids_are_told_what_was_expected(bad: str) -> None:
    assert message(ID, bad).startswith("expected ")


@pytest.mark.parametrize("bad", [7, 7.5, True, None, ["a"], {"a": 1}, b"a"])
def test_ids_are_text_and_nothing_is_turned_into_text(bad: object) -> None:
    assert message(ID, bad).startswith("expected text ")


def test_event_ids_have_half_the_room() -> None:
    event_id: TypeAdapter[str] = TypeAdapter(EventId)
    assert event_id.validate_python("x" * 128) == "x" * 128
    assert "128 bytes" in message(event_id, "x" * 129)


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_every_spelling_of_a_moment_is_the_same_moment(truth: int, offset: int) -> None:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=truth)
    local = when.astimezone(timezone(timedelta(minutes=offset)))
    for spelling in (
        truth,
        when.isoformat(),
        when.isoformat().replace("+00:00", "Z"),
        local.isoformat(timespec="milliseconds"),
        local.isoformat(sep=" ", timespec="milliseconds"),
    ):
        assert TIMESTAMP.validate_python(spelling) == truth


@pytest.mark.parametrize(
    "bad",
    [
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "2026-02-30T03:04:05Z",
        "２026-01-02T03:04:05Z",
        "1767319445678",
        "yesterday",
        "",
        1767319445.678,
        True,
        None,
        [],
        -1,
        0,
        10**30,
        10**400,
    ],
)
def test_bad_timestamps_are_told_the_unit(bad: object) -> None:
    told = message(TIMESTAMP, bad)
    assert "RFC 3339" in told
    assert "milliseconds" in told


def test_seconds_are_recognised_for_what_they_are() -> None:
    assert message(TIMESTAMP, 1_767_319_445).endswith(", not seconds")


def test_properties_keep_what_json_can_hold() -> None:
    value = {"title": "Alien", "tags": ["a", {"b": None}], "price": 1.5, "n": 2**63 - 1, "é": True}
    assert PROPERTIES.validate_python(value) == value


def deep(levels: int) -> object:
    return {"x": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (["not", "an object"], "an object"),
        ({"": 1}, "names"),
        ({"a": {"b\0": 1}}, "names"),
        ({"a": ["\ud800"]}, "surrogates"),
        ({"a": float("inf")}, "finite"),
        ({"a": 2**63}, "64 bits"),
        (deep(40), "levels"),
    ],
)
def test_properties_refuse_what_a_database_cannot_hold(bad: object, told: str) -> None:
    assert told in message(PROPERTIES, bad)


def test_a_person_is_a_user_a_guest_or_nobody() -> None:
    assert Person(user_id="7").entity == Entity(Namespace.USER, "7")
    assert Person(anonymous_id="7").entity == Entity(Namespace.ANON, "7")
    assert Person().entity is None
    told = message(TypeAdapter(Person), {"user_id": "7", "anonymous_id": "8"})
    assert told == "expected user_id or anonymous_id, not both"
