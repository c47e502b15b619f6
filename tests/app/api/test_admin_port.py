"""Where the settings ask for it, the routes of operators have a port of their own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from httpx import ASGITransport, AsyncClient

from app.domain import Scope
from app.settings import ServerSettings
from tests.app.api.conftest import Service, make_settings, serve
from tests.app.api.test_security import EXPECTED

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAIN, ADMIN = 8_000, 9_000
OPERATORS = [
    (method, path)
    for method, path in EXPECTED
    if path.startswith("/v1/admin/") or path == "/metrics"
]


@pytest_asyncio.fixture(loop_scope="module")
async def divided(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    server = ServerSettings(admin_port=ADMIN)
    async with serve(make_settings(tmp_path_factory.mktemp("var"), server=server)) as served:
        yield served


async def status(served: Service, port: int, method: str, path: str) -> int:
    """`port` is what the server says of its socket; what a caller says in Host counts nothing."""
    url = f"http://thaw.test:{port}"
    headers = {**served.by(Scope.ADMIN), "Host": f"thaw.test:{ADMIN}"}
    async with AsyncClient(transport=ASGITransport(served.app), base_url=url) as client:
        return (await client.request(method, path, headers=headers)).status_code


async def test_they_are_not_there_on_the_main_port(divided: Service) -> None:
    assert len(OPERATORS) > 5
    for method, path in OPERATORS:
        assert await status(divided, MAIN, method, path) == 404, path
    for path in ("/v1/admin", "/v1/admin/nowhere", "/v1/%61dmin/keys", "/%6detrics", "/console"):
        assert await status(divided, MAIN, "GET", path) == 404, path


async def test_and_are_on_their_own(divided: Service) -> None:
    for path in ("/v1/admin/keys", "/v1/admin/weights", "/metrics"):
        assert await status(divided, ADMIN, "GET", path) == 200, path


async def test_all_others_are_on_both(divided: Service) -> None:
    for port in (MAIN, ADMIN):
        assert await status(divided, port, "GET", "/livez") == 200
        assert await status(divided, port, "GET", "/v1/openapi.json") == 200
        assert await status(divided, port, "POST", "/v1/recommendations") == 403


async def test_without_that_setting_one_port_has_them_all(service: Service) -> None:
    assert await status(service, MAIN, "GET", "/v1/admin/keys") == 200
