"""An opaque token that says how far into the log a reader must be.

It travels from the answer to an event to a later question, possibly to another replica.
"""

import struct
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping

from app.domain import Entity, Position
from app.errors import InvalidRequest

ENTITY_LIMIT = 50
"""More entities than this in one call get no watermark: it would outgrow a header or a URL."""

_MARK = struct.Struct(">8sIQ")
"""The beginning of the entity's digest, its generation, its version."""


def encode(positions: Mapping[Entity, Position]) -> str | None:
    """None when there is nothing to wait for, or too much to name.

    >>> from app.domain import Namespace
    >>> someone = Entity(Namespace.USER, "42")
    >>> decode(encode({someone: Position(0, 7)}), someone)
    Position(generation=0, version=7)
    """
    if not 0 < len(positions) <= ENTITY_LIMIT:
        return None
    marks = (
        _MARK.pack(_name(entity), position.generation, position.version)
        for entity, position in positions.items()
    )
    return urlsafe_b64encode(b"".join(marks)).decode().rstrip("=")


def decode(token: str | None, entity: Entity) -> Position | None:
    """What `token` demands for `entity`, None if nothing. Raises `InvalidRequest` on other text."""
    if token is None:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        content = b64decode(padded, altchars=b"-_", validate=True)
        marks = {name: Position(*place) for name, *place in _MARK.iter_unpack(content)}
    except (ValueError, struct.error):
        marks = {}
    if not marks:
        raise InvalidRequest("/min_watermark", "a watermark as POST /v1/events returned it")
    return marks.get(_name(entity))


def _name(entity: Entity) -> bytes:
    return bytes.fromhex(entity.digest)[:8]
