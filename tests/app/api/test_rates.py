"""Rates of keys: over them 429, whatever the route and however it is reached."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.domain import Scope
from app.settings import LimitSettings
from tests.app.api.conftest import Service, make_settings, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATES = LimitSettings(requests_per_key={"publishable": "3/year", "server": "2/year"})


@pytest_asyncio.fixture(loop_scope="module")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with serve(make_settings(tmp_path_factory.mktemp("var"), limits=RATES)) as served:
        yield served


async def test_more_than_its_rate_is_refused_with_when_to_come_again(limited: Service) -> None:
    for _ in range(3):
        answer = await limited.send("POST", "/v1/events", {"events": []}, scope=Scope.PUBLISHABLE)
        assert answer.status_code == 202
    refused = await limited.send("POST", "/v1/events", {"events": []}, scope=Scope.PUBLISHABLE)
    assert (refused.status_code, refused.json()["title"]) == (429, "Too many requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) >= 1
    assert "3 per 1 year" in refused.json()["detail"]


async def test_all_routes_count_together_and_other_keys_apart(limited: Service) -> None:
    assert (await limited.send("POST", "/v1/events", {"events": []})).status_code == 202
    assert (await limited.send("GET", "/v1/items/i001")).status_code == 404
    assert (await limited.send("GET", "/v1/items/i001")).status_code == 429
    for _ in range(5):
        listed = await limited.send("GET", "/v1/admin/keys", scope=Scope.ADMIN)
        assert listed.status_code == 200
    made = (await limited.runtime.keys.create(Scope.SERVER, "another")).text
    again = await limited.client.get("/v1/items/i001", headers={"X-API-Key": made})
    assert again.status_code == 404


async def test_who_has_no_valid_key_is_not_counted(limited: Service) -> None:
    wrong = limited.keys[Scope.SERVER][:-1] + "x"
    for _ in range(5):
        answer = await limited.client.get("/v1/items/i001", headers={"X-API-Key": wrong})
        assert answer.status_code == 401
    assert (await limited.send("GET", "/v1/items/i001")).status_code == 404
