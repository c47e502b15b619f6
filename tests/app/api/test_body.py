import json

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.types import Message

from app.api.body import BEACON_TYPES, JSON_TYPES, check, parse, read
from app.api.recommendations import QUESTION
from app.errors import MalformedBody, UnsupportedMedia


def request(headers: dict[str, str]) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw}, receive)


@pytest.mark.parametrize(
    "media",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf8"',
    ],
)
async def test_json_is_read(media: str | None) -> None:
    headers = {} if media is None else {"Content-Type": media}
    assert await read(request(headers), JSON_TYPES) == b"{}"


async def test_beacons_may_say_plain_text() -> None:
    beacon = request({"Content-Type": "text/plain;charset=UTF-8"})
    assert await read(beacon, BEACON_TYPES) == b"{}"
    with pytest.raises(UnsupportedMedia, match="application/json"):
        await read(beacon, JSON_TYPES)


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
        ({"Content-Type": "application/json; charset=latin-1"}, "Content-Type"),
        ({"Content-Type": ""}, "Content-Type"),
        ({"Content-Encoding": "gzip"}, "Content-Encoding"),
    ],
)
async def test_other_media_are_refused_by_name(headers: dict[str, str], named: str) -> None:
    with pytest.raises(UnsupportedMedia, match=named):
        await read(request(headers))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b"[Infinity]",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"1" * 5_000,
        b'"a\nb"',
    ],
)
def test_malformed_json_is_told_apart(text: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_well_formed_json_is_read_as_it_is(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


def test_shapes_are_named_by_json_pointers() -> None:
    with pytest.raises(RequestValidationError) as caught:
        check(QUESTION, b'{"k": "3", "exclude_item_ids": ["a", 7], "colour": 1}')
    assert {tuple(one["loc"]) for one in caught.value.errors()} == {
        ("body", "k"),
        ("body", "exclude_item_ids", 1),
        ("body", "colour"),
    }


def test_a_body_that_is_no_object_is_a_wrong_shape() -> None:
    with pytest.raises(RequestValidationError):
        check(TypeAdapter(dict[str, int]), b"[]")
