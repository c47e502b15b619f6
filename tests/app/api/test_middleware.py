import logging
from collections.abc import Sequence
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app.api.middleware import Context, Recovery, canonical, limited
from app.errors import TooLarge

segments = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=4)


@given(segments)
def test_a_canonical_path_keeps_every_segment(parts: list[str]) -> None:
    path = canonical("/".join(quote(part, safe="") for part in parts).encode())
    assert [unquote(part) for part in path.split("/")] == (parts or [""])


@given(segments)
def test_all_spellings_of_a_path_have_one_canonical_form(parts: list[str]) -> None:
    shouted = "/".join("".join(f"%{byte:02x}" for byte in part.encode()) for part in parts).encode()
    plain = "/".join(quote(part, safe="") for part in parts).encode()
    assert canonical(shouted) == canonical(plain) == canonical(canonical(plain).encode())


def scope(length: str | None) -> Scope:
    headers = [(b"content-length", length.encode())] if length is not None else []
    return {"type": "http", "headers": headers}


async def read(chunks: Sequence[bytes], limit: int, length: str | None = None) -> bytes:
    messages = iter(chunks)
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": next(messages), "more_body": True}

    limited_receive = limited(scope(length), receive, limit)
    try:
        return b"".join([(await limited_receive())["body"] for _ in chunks])
    finally:
        assert taken <= len(chunks)


async def test_a_body_within_the_limit_passes_whole() -> None:
    assert await read([b"abc", b"", b"defg"], 7, "7") == b"abcdefg"


async def test_a_body_is_counted_while_it_streams() -> None:
    with pytest.raises(TooLarge):
        await read([b"abc", b"defgh"], 7)


async def test_a_body_declared_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge, match="7 bytes"):
        await read([b"abc"], 7, "8")


async def test_an_understated_length_does_not_help() -> None:
    with pytest.raises(TooLarge):
        await read([b"abcdefgh"], 7, "1")


async def test_nonsense_as_a_length_is_left_to_the_count() -> None:
    assert await read([b"abc"], 7, "-1") == b"abc"


async def test_a_caller_who_hangs_up_is_noted_and_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pytest.fail("nobody is there to be answered")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    request = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "headers": []}
    with caplog.at_level(logging.INFO):
        await Context(Recovery(app), body_limit=10)(request, hang_up, send)
    assert "request_failed" not in caplog.text
