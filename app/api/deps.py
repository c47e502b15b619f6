"""What routes ask for by annotation."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Request
from pydantic import BeforeValidator

from app.api.fields import Id, expected
from app.runtime import Runtime


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(runtime_of)]


def _decoded(segment: str) -> str:
    """The router sees paths undecoded, so that an id may hold an encoded slash."""
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise expected("percent-encoded UTF-8") from None


PathId = Annotated[
    Id,
    BeforeValidator(_decoded, json_schema_input_type=str),
    Path(description="Any UTF-8 of at most 256 bytes, percent-encoded, `/` as `%2F`."),
]
