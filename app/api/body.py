"""Bodies: from bytes to a checked model, for every route in the same way.

Routes take the raw request and declare their body in the OpenAPI document by `describe`: faster
than a declared body, and what is malformed, of another shape or media type is told apart.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.errors import MalformedBody, UnsupportedMedia

T = TypeVar("T")
REFERENCE = "#/components/schemas/"
JSON_TYPES = ("application/json",)
BEACON_TYPES = ("application/json", "text/plain")
"""`navigator.sendBeacon(url, text)` says text/plain, which needs no preflight."""


async def read(request: Request, media: Sequence[str] = JSON_TYPES) -> bytes:
    """The body, if its headers allow to read it as JSON. Raises `UnsupportedMedia`, `TooLarge`."""
    declared = request.headers.get("content-type")
    if declared is not None:
        kind, _, parameters = declared.partition(";")
        charset = parameters.lower().partition("charset=")[2].strip(' "')
        if kind.strip().lower() not in media or charset not in {"", "utf-8", "utf8"}:
            raise UnsupportedMedia("Content-Type", " or ".join(media) + " in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Content-Encoding", "none: send the body uncompressed")
    return await request.body()


def check(adapter: TypeAdapter[T], body: bytes) -> T:
    """`body` as the adapter's type.

    Raises `MalformedBody` if it is no JSON and `RequestValidationError` if it is of another shape.
    """
    with suppress(ValidationError):  # what is good is read in one go; the rest says what is wrong
        return adapter.validate_json(body)
    try:
        return adapter.validate_python(parse(body))
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None


def parse(body: bytes) -> object:
    """Any JSON text, including lone surrogates, so that one bad value spoils only its own place."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise MalformedBody("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError:
        raise MalformedBody("it holds a number of thousands of digits") from None


def _refuse(constant: str) -> NoReturn:
    raise MalformedBody(f"{constant} is not a JSON value")


def describe(
    model: type[BaseModel],
    examples: Mapping[str, Any],
    media: Sequence[str] = JSON_TYPES,
    *,
    required: bool = True,
) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its own body.

    `app.api.document` moves the schema under `x-schema` to the components of the document.
    """
    schema = model.model_json_schema(ref_template=REFERENCE + "{model}")
    content = {
        "schema": {"$ref": REFERENCE + model.__name__},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {
        "requestBody": {"required": required, "content": dict.fromkeys(media, content)},
        "x-schema": schema,
    }
