"""What happens around every request, in three pure ASGI layers, outermost first."""

import re
from collections.abc import Iterable
from random import Random
from secrets import randbits
from time import perf_counter
from urllib.parse import quote, unquote_to_bytes

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import INTERNAL, NOWHERE, Kind, kind_of_status, problem
from app.errors import TooLarge
from app.metrics import observe_request
from app.telemetry import log_request

log = structlog.get_logger()

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
PLAIN_PATH = re.compile(rb"[A-Za-z0-9._~/-]*")
OPERATORS = re.compile(r"/v1/admin(/|$)|/console(/|$)|/metrics$")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ids = Random(randbits(128))
"""Request ids must differ, and be cheap; nobody has to be unable to guess them."""
QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""Probes: counted, but not worth a line each in the log."""


class Context:
    """Names the request, keeps its path undecoded, limits its body, counts, times and logs it."""

    def __init__(self, app: ASGIApp, body_limit: int) -> None:
        self._app = app
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _header(scope, b"x-request-id")
        if not SANE_REQUEST_ID.fullmatch(request_id):
            request_id = f"{_ids.getrandbits(128):032x}"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {
            **scope,
            "method": method,
            "path": canonical(scope.get("raw_path") or quote(scope["path"]).encode()),
            "thaw.request_id": request_id,
        }
        status = 499

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_ours(message["headers"], request_id, started)
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(inner, limited(inner, receive, self._body_limit), send_with_headers)
        except ClientDisconnect:
            status = 499
        finally:
            route = getattr(inner.get("route"), "path", "unmatched")
            seconds = perf_counter() - started
            method = method if method in METHODS else "OTHER"
            observe_request(method, route, status, seconds)
            if route not in QUIET:
                log_request(request_id, method, route, status, seconds)


def _header(scope: Scope, name: bytes) -> str:
    """The first header of this name, or nothing."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _with_ours(
    headers: Iterable[tuple[bytes, bytes]], request_id: str, started: float
) -> list[tuple[bytes, bytes]]:
    """An answer's headers and what every answer has."""
    kept = list[tuple[bytes, bytes]]()
    timings, cached = list[bytes](), b"private, no-store"
    for name, value in headers:
        if name == b"server-timing":
            timings.append(value)
        elif name == b"cache-control":
            cached = value
        else:
            kept.append((name, value))
    timings.append(b"total;dur=%.2f" % ((perf_counter() - started) * 1000))
    return [
        *kept,
        (b"x-request-id", request_id.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", cached),
        (b"server-timing", b", ".join(timings)),
    ]


class AdminPort:
    """The routes of operators are nowhere but on their own port."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and OPERATORS.match(scope["path"]):
            _, port = scope["server"] or (None, None)
            if port != self._port:
                await problem(Request(scope), kind_of_status(404), NOWHERE)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Recovery:
    """Answers what nobody expected with a problem, and logs its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noticing(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("request_failed")
            if started or scope["type"] != "http":
                raise
            detail = "an unexpected error; the log has it under this request id"
            await problem(Request(scope), INTERNAL, detail)(scope, receive, send)


class Cors(CORSMiddleware):
    """Starlette's, with problems instead of plain text for refused preflights, and out of the way
    of whatever no browser sent.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and not _header(scope, b"origin"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        kind = Kind(response.status_code, "Preflight refused", "preflight-refused")
        detail = "this origin, method or header is not allowed from a browser"
        return problem(Request({"type": "http"}), kind, detail)


def canonical(raw_path: bytes) -> str:
    """One spelling for each path: segments percent-encoded the same way, `%2F` still encoded.

    >>> canonical(b"/v1/items/a%2fb%41~")
    '/v1/items/a%2FbA~'
    """
    if PLAIN_PATH.fullmatch(raw_path):
        return raw_path.decode()
    return "/".join(quote(unquote_to_bytes(part), safe="") for part in raw_path.split(b"/"))


def limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` that raises `TooLarge` as soon as the body is known to exceed `limit` bytes."""
    length = _header(scope, b"content-length")
    declared = int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else 0
    too_large = TooLarge("a body", f"{limit:,} bytes")
    counted = 0

    async def receive_limited() -> Message:
        nonlocal counted
        if declared > limit:
            raise too_large
        message = await receive()
        counted += len(message.get("body", b""))
        if counted > limit:
            raise too_large
        return message

    return receive_limited
