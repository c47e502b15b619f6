"""Every error as RFC 9457 `application/problem+json`, from one table."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import errors
from app.pointer import pointer_to

ERRORS_SHOWN = 20


class Kind(NamedTuple):
    status: int
    title: str
    slug: str


KINDS: Mapping[type[errors.AppError], Kind] = {
    errors.MalformedBody: Kind(400, "Malformed JSON", "malformed-json"),
    errors.Unauthenticated: Kind(401, "API key needed", "unauthenticated"),
    errors.UserTokenRefused: Kind(401, "User token refused", "user-token-refused"),
    errors.Forbidden: Kind(403, "Not allowed with this key", "forbidden"),
    errors.NotFound: Kind(404, "Not found", "not-found"),
    errors.UnknownWeights: Kind(404, "Unknown meta-weights", "unknown-weights"),
    errors.ReloadInProgress: Kind(409, "Reload under way", "reload-in-progress"),
    errors.NothingBefore: Kind(409, "Nothing to roll back to", "nothing-before"),
    errors.LastAdminKey: Kind(409, "Last admin key", "last-admin-key"),
    errors.AlreadyMerged: Kind(409, "Guest of another user", "already-merged"),
    errors.TooLarge: Kind(413, "Too large", "too-large"),
    errors.UnsupportedMedia: Kind(415, "Unsupported media type", "unsupported-media-type"),
    errors.InvalidRequest: Kind(422, "Invalid request", "invalid-request"),
    errors.WeightsRejected: Kind(422, "Meta-weights refused", "weights-rejected"),
    errors.TooManyRequests: Kind(429, "Too many requests", "too-many-requests"),
    errors.Overloaded: Kind(503, "Overloaded", "overloaded"),
    errors.StorageUnavailable: Kind(503, "Storage unavailable", "storage-unavailable"),
    errors.TablesMissing: Kind(503, "Tables missing", "tables-missing"),
    errors.WeightsMissing: Kind(503, "No meta-weights", "weights-missing"),
}
NOWHERE = "there is nothing at this path; /docs lists what there is"
INTERNAL = Kind(500, "Internal error", "internal-error")


class Fault(BaseModel):
    """One value that was not acceptable."""

    pointer: str | None = Field(None, description="JSON Pointer (RFC 6901) into the body")
    parameter: str | None = Field(None, description="name of the path or query parameter")
    detail: str


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[Fault] | None = None


def problem(
    request: Request,
    kind: Kind,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    faults: Sequence[Mapping[str, str]] = (),
    **members: Any,
) -> JSONResponse:
    content = {
        "type": f"/docs#{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "request_id": request.scope.get("thaw.request_id", ""),
        **({"errors": list(faults)} if faults else {}),
        **members,
    }
    return JSONResponse(
        content, kind.status, dict(headers or {}), media_type="application/problem+json"
    )


def kind_of(error: type[errors.AppError]) -> Kind:
    """The row of the nearest class that has one."""
    return next((KINDS[base] for base in error.__mro__ if base in KINDS), INTERNAL)


def kind_of_status(status: int) -> Kind:
    """A kind for what the framework raises: the status says it all."""
    phrase = HTTPStatus(status).phrase
    return Kind(status, phrase, phrase.lower().replace(" ", "-"))


def answer_app_error(request: Request, error: errors.AppError) -> JSONResponse:
    headers = {}
    match error:
        case errors.Unauthenticated():
            headers["WWW-Authenticate"] = "Bearer"
        case (
            errors.Overloaded(retry_after_seconds=seconds)
            | errors.TooManyRequests(retry_after_seconds=seconds)
        ):
            headers["Retry-After"] = str(max(ceil(seconds), 1))
        case errors.StorageUnavailable():
            headers["Retry-After"] = "1"
    faults = []
    if isinstance(error, errors.InvalidRequest):
        faults = [{"pointer": error.pointer, "detail": f"expected {error.expected}"}]
    return problem(request, kind_of(type(error)), str(error), headers=headers, faults=faults)


def answer_wrong_shape(request: Request, error: RequestValidationError) -> JSONResponse:
    faults = [_fault(one) for one in error.errors()[:ERRORS_SHOWN]]
    first = next(iter(faults[0].values())) or "the body"
    return problem(
        request, KINDS[errors.InvalidRequest], f"{first}: {faults[0]['detail']}", faults=faults
    )


def install(app: FastAPI) -> None:
    """Answer every error that a route or the router raises with a problem."""

    @app.exception_handler(errors.AppError)
    async def app_error(request: Request, error: errors.AppError) -> JSONResponse:
        return answer_app_error(request, error)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer_wrong_shape(request, error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        headers, detail = dict(error.headers or {}), error.detail
        if error.status_code == HTTPStatus.NOT_FOUND:
            detail = NOWHERE
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(app, request))
            detail = f"this path answers {headers['Allow']}"
        return problem(request, kind_of_status(error.status_code), detail, headers=headers)


def _fault(error: Mapping[str, Any]) -> dict[str, str]:
    where, *path = error["loc"]
    if where == "body":
        return {"pointer": pointer_to(path), "detail": error["msg"]}
    return {"parameter": str(path[0]), "detail": error["msg"]}


def _methods(app: FastAPI, request: Request) -> list[str]:
    """All methods of the path: the router itself names those of its first matching route only."""
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": "GET" if method == "HEAD" else method})[0]
            == Match.FULL
            for route in app.routes
        )
    ]
