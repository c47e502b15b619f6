"""The token that carries positions from an answer to a later question."""

import pytest

from app.domain import Entity, Namespace, Position
from app.errors import InvalidRequest
from app.services.watermark import ENTITY_LIMIT, decode, encode

MANY = [Entity(Namespace.USER, f"u{n}") for n in range(ENTITY_LIMIT + 1)]


def test_everybody_finds_their_own_position() -> None:
    positions = {entity: Position(n % 3, n * 10**12) for n, entity in enumerate(MANY[1:])}
    token = encode(positions)
    assert token is not None
    assert {entity: decode(token, entity) for entity in MANY[1:]} == positions
    assert decode(token, MANY[0]) is None
    assert decode(None, MANY[0]) is None


def test_too_many_or_nobody_get_none() -> None:
    assert encode({}) is None
    assert encode(dict.fromkeys(MANY, Position(0, 1))) is None


@pytest.mark.parametrize("text", ["", "!!!!", "A", "AAAA", "é", "AAAA\n", "=", "A" * 26 + "!!"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="min_watermark"):
        decode(text, MANY[0])


def test_foreign_characters_within_are_refused() -> None:
    token = encode({MANY[0]: Position(0, 1)})
    assert token is not None
    for foreign in ("!", " ", "\n", "é"):
        with pytest.raises(InvalidRequest):
            decode(token[:5] + foreign + token[5:], MANY[0])
