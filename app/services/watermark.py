"""An opaque token that says how far into the log a reader must be.

It travels from the answer to an event to a later question, possibly to another replica.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping

import msgpack

from app.domain import Entity, Position
from app.errors import InvalidRequest

ENTITY_LIMIT = 50
"""More entities than this in one call get no watermark: it would outgrow a header or a URL."""


def encode(positions: Mapping[Entity, Position]) -> str | None:
    """None when there is nothing to wait for, or too much to name.

    >>> from app.domain import Namespace
    >>> someone = Entity(Namespace.USER, "42")
    >>> decode(encode({someone: Position(0, 7)}), someone)
    Position(generation=0, version=7)
    """
    if not 0 < len(positions) <= ENTITY_LIMIT:
        return None
    marks = {
        bytes.fromhex(entity.digest)[:8]: (position.generation, position.version)
        for entity, position in positions.items()
    }
    return urlsafe_b64encode(msgpack.packb(marks)).decode().rstrip("=")


def decode(token: str | None, entity: Entity) -> Position | None:
    """What `token` demands for `entity`, None if nothing. Raises `InvalidRequest` on other text."""
    if token is None:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        marks = msgpack.unpackb(urlsafe_b64decode(padded), strict_map_key=False)
        mark = marks.get(bytes.fromhex(entity.digest)[:8])
        if mark is None:
            return None
        generation, version = mark
        return Position(int(generation), int(version))
    except (ValueError, TypeError, AttributeError, Base64Error, msgpack.UnpackException):
        raise InvalidRequest(
            "/min_watermark", "a watermark as POST /v1/events returned it"
        ) from None
