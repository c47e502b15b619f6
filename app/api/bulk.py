"""Bodies that hold many things, each judged on its own."""

from collections.abc import Sequence
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.api import body
from app.errors import TooLarge
from app.pointer import pointer_to

M = TypeVar("M", bound=BaseModel)
FAULTS_SHOWN = 3


class RejectedOut(BaseModel):
    """One element that was left out, and why."""

    index: int
    code: str
    detail: str


class BulkOut(BaseModel):
    stored: int
    rejected: list[RejectedOut]


def read_each(raw: bytes, field: str, model: type[M], limit: int) -> Sequence[M | str]:
    """Each element of `{field: [...]}`, or what is wrong with it.

    Raises `MalformedBody`, `RequestValidationError` or `TooLarge` on what has no such shape.
    """
    whole = body.parse(raw)
    if not isinstance(whole, dict):
        raise RequestValidationError([_fault((), "expected an object")])
    for name in whole.keys() - {field}:
        raise RequestValidationError([_fault((name,), "unknown field")])
    elements = whole.get(field)
    if not isinstance(elements, list):
        raise RequestValidationError([_fault((field,), "expected an array")])
    if len(elements) > limit:
        raise TooLarge(f"/{field}", f"{limit:,} elements")
    return [_read(element, model) for element in elements]


def read_bulk(
    raw: bytes, field: str, model: type[M], limit: int
) -> tuple[list[M], list[RejectedOut]]:
    """The good elements, and the verdicts on the others."""
    read = read_each(raw, field, model, limit)
    good = [one for one in read if not isinstance(one, str)]
    rejected = [
        RejectedOut(index=n, code="invalid", detail=one)
        for n, one in enumerate(read)
        if isinstance(one, str)
    ]
    return good, rejected


def _read(element: object, model: type[M]) -> M | str:
    if not isinstance(element, dict):
        return "expected an object"
    try:
        return model.model_validate(element)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(
            f"{pointer_to(one['loc'])[1:] or 'object'}: {one['msg']}"
            for one in faults[:FAULTS_SHOWN]
        )


def _fault(path: tuple[str, ...], detail: str) -> dict[str, object]:
    return {"loc": ("body", *path), "msg": detail, "type": "unexpected"}
