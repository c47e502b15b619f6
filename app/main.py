"""Start reading here: the service is routes, four layers around them, problems and a lifespan."""

import gc
import os
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from app.api import (
    batch,
    document,
    empty_shop,
    estimate,
    events,
    health,
    history,
    impact,
    items,
    keys,
    pages,
    preview,
    problems,
    recommendations,
    suiting,
    users,
    warmth,
    weights,
)
from app.api.hot import Hot
from app.api.middleware import AdminPort, Context, Cors, Recovery
from app.api.titles import Titles
from app.jobs.background import background
from app.runtime import open_runtime
from app.settings import Settings
from app.telemetry import configure_logging

COLLECT_AFTER = 20_000
"""New objects, less those that went; Python's own choice is 700, a few requests."""


def create_worker() -> FastAPI:
    """`create_app` for a process that does nothing else."""
    app = create_app()
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(app):
            spare_the_collector()
            yield

    app.router.lifespan_context = lifespan
    return app


def spare_the_collector() -> None:
    """Everything that is here now stays for good, so the collector need not look at it again.

    Else it walks through the whole catalogue and every library, time and again, while requests
    wait: for some tenths of a second with ten thousand items.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The whole service; `uvicorn --factory app.main:create_worker` serves it."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(settings.log_format)
        async with open_runtime(settings) as runtime, background(runtime):
            app.state.runtime = runtime
            app.state.titles = Titles()
            yield

    app = document.DocumentedApi(
        title="Thaw",
        version=version("thaw"),
        lifespan=lifespan,
        responses=document.RESPONSES,
        openapi_url=None,
        redirect_slashes=False,
    )
    storefront = (events, recommendations, batch, preview, items, suiting, users, history, warmth)
    for part in (*storefront, weights, estimate, keys, impact, health, document, pages):
        app.include_router(part.router)
    problems.install(app)
    if settings.server.admin_port is not None:
        app.add_middleware(AdminPort, port=settings.server.admin_port)
    app.add_middleware(Hot, routes=(events.HOT, recommendations.HOT))
    app.add_middleware(Recovery)
    app.add_middleware(
        Cors,
        allow_origins=settings.server.allow_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "X-API-Key",
            "X-Request-Id",
            "X-User-Token",
        ],
        expose_headers=["X-Request-Id", "Server-Timing", "Retry-After"],
    )
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        _trace(app)
    app.add_middleware(Context, body_limit=settings.limits.body_bytes)
    empty_shop.install(app, settings, create_app)
    return app


def _trace(app: FastAPI) -> None:
    """Until the end of the lifespan, which sends what has not been sent yet."""
    from app.api.tracing import Traced, make_provider  # noqa: PLC0415 - of the extra `otel`

    provider, opened = make_provider(), app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with opened(app):
                yield
        finally:
            await to_thread(provider.shutdown)

    app.add_middleware(Traced, provider=provider)
    app.router.lifespan_context = lifespan
