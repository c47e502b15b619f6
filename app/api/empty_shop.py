"""The demo's third scene: a second, whole service under /empty that begins without any interaction.

It has the catalogue and content-only meta-weights that `thaw demo` made, and its own database and
Valkey, so what is learned there never touches the first. Each start and each reset begins anew.
"""

import shutil
from asyncio import Lock, to_thread
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.responses import FileResponse, JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings

PREFIX = "/empty"
PEOPLE = "people.json"
"""What people of the data liked, for visitors to re-live: [[item id, ...], ...]."""
PRISTINE = "pristine.db"
"""The database before anybody came."""


class EmptyShop:
    """Answers what is under the prefix; `/empty/reset` empties it, `/empty/people` tells tastes."""

    def __init__(self, settings: Settings, make: Callable[[Settings], FastAPI]) -> None:
        self._settings, self._make = settings, make
        self._opened = AsyncExitStack()
        self._app: ASGIApp | None = None
        self._changing = Lock()

    async def open(self) -> None:
        await to_thread(self._wipe)
        app = self._make(self._settings)
        self._opened = AsyncExitStack()
        await self._opened.enter_async_context(app.router.lifespan_context(app))
        self._app = app

    async def close(self) -> None:
        self._app = None
        await self._opened.aclose()

    async def reset(self) -> None:
        async with self._changing:
            await self.close()
            await self.open()

    def _wipe(self) -> None:
        state = self._settings.state
        for name in ("valkey", "index"):
            shutil.rmtree(state / name, ignore_errors=True)
        for rest in ("-wal", "-shm"):
            (state / f"thaw.db{rest}").unlink(missing_ok=True)
        shutil.copyfile(state / PRISTINE, state / "thaw.db")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp
        if scope["path"] == "/people":
            answer = FileResponse(self._settings.state / PEOPLE, media_type="application/json")
        elif scope["path"] == "/reset" and scope["method"] == "POST":
            await self.reset()
            answer = JSONResponse({"status": "empty"})
        elif self._app is None:
            answer = JSONResponse({"detail": "the shop is being emptied"}, 503)
        else:
            answer = self._app
        await answer(scope, receive, send)


class Beside:
    """Middleware: what is under the prefix goes to the empty shop."""

    def __init__(self, app: ASGIApp, shop: EmptyShop) -> None:
        self._app, self._shop = app, shop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{PREFIX}/"):
            await self._app(scope, receive, send)
            return
        raw = scope.get("raw_path", b"").removeprefix(PREFIX.encode())
        await self._shop(
            {**scope, "path": scope["path"].removeprefix(PREFIX), "raw_path": raw}, receive, send
        )


def install(app: FastAPI, settings: Settings, make: Callable[[Settings], FastAPI]) -> None:
    """Open an empty shop beside `app` where `thaw demo` has prepared one."""
    beside = settings.beside("empty")
    app.state.empty_shop = settings.demo and (beside.state / PRISTINE).exists()
    if not app.state.empty_shop:
        return
    shop = EmptyShop(beside, make)
    opened = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(app):
            await shop.open()
            try:
                yield
            finally:
                await shop.close()

    app.router.lifespan_context = lifespan
    app.add_middleware(Beside, shop=shop)
