"""The real service, in process: SQLite and Valkey in a temporary directory, generated weights.

One service serves a whole module, so tests use ids of their own.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from app.domain import Scope
from app.main import create_app
from app.runtime import Runtime
from app.settings import DatabaseSettings, ServerSettings, Settings, WeightsSettings
from app.stores.schema import upgrade
from tests.generated import save_generated

SHOP = "https://shop.example"

logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client logs whole URLs


@dataclass(frozen=True)
class Service:
    app: FastAPI
    client: AsyncClient
    """Sends no key of its own."""
    keys: Mapping[Scope, str]

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    def by(self, scope: Scope) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[scope]}"}

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scope: Scope = Scope.SERVER,
        request_id: str | None = None,
    ) -> Response:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = self.by(scope)
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        if content is not None:
            headers["Content-Type"] = "application/json"
        return await self.client.request(method, path, content=content, headers=headers)

    async def events(self, *events: Any, scope: Scope = Scope.SERVER) -> dict[str, Any]:
        response = await self.send("POST", "/v1/events", {"events": events}, scope=scope)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def recommendations(self, scope: Scope = Scope.SERVER, **question: Any) -> dict[str, Any]:
        response = await self.send("POST", "/v1/recommendations", question, scope=scope)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer


def make_settings(state: Path, **changes: Any) -> Settings:
    defaults = {
        "state": state,
        "database": DatabaseSettings(url=f"sqlite+aiosqlite:///{state}/thaw.db"),
        "weights": WeightsSettings(directory=state / "weights"),
        "server": ServerSettings(allow_origins=(SHOP,)),
    }
    return Settings(**{**defaults, **changes})


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Service]:
    await upgrade(settings.database.url, settings.namespace)
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=ASGITransport(app), base_url="http://thaw.test") as client,
    ):
        keys = app.state.runtime.keys
        made = {scope: (await keys.create(scope, "test")).text for scope in Scope}
        yield Service(app, client, made)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    async with serve(make_settings(state)) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service without meta-weights."""
    async with serve(make_settings(tmp_path_factory.mktemp("var"))) as served:
        yield served


@pytest.fixture
def someone() -> str:
    """An id that no other test uses."""
    return uuid4().hex
