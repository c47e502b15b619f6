"""The kinds of values that callers send, each with an error that says what was expected.

Strict throughout: "3" is no number and 1 is no truth value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.domain import ID_BYTES, Entity, Namespace

EVENT_ID_BYTES = NAME_BYTES = 128
JSON_DEPTH = 16
MOST_PROPERTIES = 256
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
TIMESTAMP = "RFC 3339 text with an offset, or integer milliseconds since 1970-01-01 UTC"
RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class Strict(BaseModel):
    """A JSON object whose unknown fields are errors, not silence."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def expected(what: str) -> PydanticCustomError:
    """The error of a value that is not what it should be.

    `what` may hold braces, so it travels as context and not as the template.
    """
    return PydanticCustomError("unexpected", "expected {what}", {"what": what})


def is_storable(text: str) -> bool:
    """Whether both databases can keep `text`: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def text_of(limit: int) -> Callable[[object], str]:
    """A validator for text of 1 to `limit` bytes of UTF-8."""
    what = f"text of 1 to {limit} bytes of UTF-8 without NUL or lone surrogates"

    def check(value: object) -> str:
        if isinstance(value, str) and is_storable(value) and 0 < len(value.encode()) <= limit:
            return value
        raise expected(what)

    return check


def _schema_of_text(limit: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": limit})


Id = Annotated[str, PlainValidator(text_of(ID_BYTES)), _schema_of_text(ID_BYTES)]
EventId = Annotated[str, PlainValidator(text_of(EVENT_ID_BYTES)), _schema_of_text(EVENT_ID_BYTES)]
Name = Annotated[str, PlainValidator(text_of(NAME_BYTES)), _schema_of_text(NAME_BYTES)]


def milliseconds(value: object) -> int:
    """RFC 3339 text or integer milliseconds -> milliseconds since 1970 (UTC).

    >>> milliseconds("2026-01-02T03:04:05.678+01:00")
    1767319445678
    """
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            when = datetime.fromisoformat(value.upper())
            result = round(when.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise expected(f"an existing date and time: {TIMESTAMP}") from None
    elif isinstance(value, int) and not isinstance(value, bool):
        result = value
    else:
        raise expected(TIMESTAMP)
    if not EARLIEST.timestamp() * 1000 <= result < LATEST.timestamp() * 1000:
        hint = ", not seconds" if 10**8 <= result < 10**11 else ""
        raise expected(f"a time between {EARLIEST.year} and {LATEST.year}: {TIMESTAMP}{hint}")
    return result


Timestamp = Annotated[
    int,
    PlainValidator(milliseconds),
    WithJsonSchema(
        {
            "description": TIMESTAMP[0].upper() + TIMESTAMP[1:] + ".",
            "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
        }
    ),
]


def storable_object(value: object) -> Mapping[str, Any]:
    """A JSON object both databases can keep and every client can read back unchanged."""
    if not isinstance(value, dict):
        raise expected("an object")
    if len(value) > MOST_PROPERTIES:
        raise expected(f"at most {MOST_PROPERTIES} properties")
    _check_json(value, JSON_DEPTH)
    return value


def _check_json(value: object, depth: int) -> None:
    if depth == 0:
        raise expected(f"nesting of at most {JSON_DEPTH} levels")
    if isinstance(value, dict):
        for name, inner in value.items():
            if not name or not is_storable(name):
                raise expected("names of at least one character, without NUL or lone surrogates")
            _check_json(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, depth - 1)
    elif isinstance(value, str) and not is_storable(value):
        raise expected("text without NUL or lone surrogates")
    elif isinstance(value, float) and not isfinite(value):
        raise expected("finite numbers")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise expected("integers of at most 64 bits")


Properties = Annotated[
    Mapping[str, Any],
    PlainValidator(storable_object),
    WithJsonSchema({"type": "object", "maxProperties": MOST_PROPERTIES}),
]


class Person(Strict):
    """Who it is about: at most one of the two ids."""

    user_id: Id | None = None
    anonymous_id: Id | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.user_id is not None and self.anonymous_id is not None:
            raise expected("user_id or anonymous_id, not both")
        return self

    @property
    def entity(self) -> Entity | None:
        if self.user_id is not None:
            return Entity(Namespace.USER, self.user_id)
        if self.anonymous_id is not None:
            return Entity(Namespace.ANON, self.anonymous_id)
        return None
