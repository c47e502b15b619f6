"""The busiest routes, past the framework.

They are declared like all others, which keeps them in the OpenAPI document, and answer the same.
But what FastAPI does between a socket and a function (finding the route, solving its dependencies,
opening exit stacks) takes longer there than what the function does.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from app.api.deps import runtime_of
from app.api.problems import answer_app_error, answer_wrong_shape
from app.api.security import Caller, admit_person
from app.domain import Scope
from app.errors import AppError
from app.runtime import Runtime

Endpoint = Callable[[Request, Runtime, Caller], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class HotRoute:
    """`path` is a template without parameters, and its own name in metrics and logs."""

    path: str
    endpoint: Endpoint
    scopes: tuple[Scope, ...]
    beacon: bool = False
    """Whether the key may stand in the query, as `security.allow_beacon` says."""

    async def answer(self, request: Request) -> Response:
        runtime = runtime_of(request)
        caller = await admit_person(runtime, request, self.scopes, beacon=self.beacon)
        return await self.endpoint(request, runtime, caller)


class Hot:
    """Answers POST to these routes; everything else goes on to the application."""

    def __init__(self, app: ASGIApp, routes: tuple[HotRoute, ...]) -> None:
        self._app = app
        self._routes: Mapping[str, HotRoute] = {route.path: route for route in routes}

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        is_post = connection["type"] == "http" and connection["method"] == "POST"
        route = self._routes.get(connection["path"]) if is_post else None
        if route is None:
            await self._app(connection, receive, send)
            return
        connection["route"] = route
        request = Request(connection, receive, send)
        try:
            response = await route.answer(request)
        except AppError as error:
            response = answer_app_error(request, error)
        except RequestValidationError as error:
            response = answer_wrong_shape(request, error)
        await response(connection, receive, send)
