"""A publishable key with a user's token: events of that user and lists for that user, no more."""

from typing import Any

import pytest
from httpx import Response
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from app.api.hot import Hot
from app.domain import Scope
from tests.app.api.conftest import SHOP, Service
from tests.app.api.test_security import EXPECTED

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(params=["hot", "framework"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the same routes."""

    async def pass_on(self: Hot, connection: Connection, receive: Receive, send: Send) -> None:
        await self._app(connection, receive, send)

    if request.param == "framework":
        monkeypatch.setattr(Hot, "__call__", pass_on)


async def token_of(service: Service, user_id: str, **body: int) -> str:
    answer = await service.send("POST", f"/v1/users/{user_id}/token", body)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def send(
    service: Service,
    token: str | bytes,
    path: str,
    body: Any = None,
    *,
    method: str = "POST",
    scope: Scope = Scope.PUBLISHABLE,
) -> Response:
    key = service.keys[scope].encode()
    told = token.encode() if isinstance(token, str) else token
    headers = {b"X-API-Key": key, b"X-User-Token": told}
    return await service.client.request(method, path, json=body, headers=headers)


def like(**person: str) -> dict[str, Any]:
    return {"type": "like", "item_id": "i001", **person}


@pytest.mark.usefixtures("way")
async def test_a_page_speaks_for_the_user_of_its_token(service: Service, someone: str) -> None:
    token = await token_of(service, someone)
    recorded = await send(service, token, "/v1/events", {"events": [like(user_id=someone)]})
    assert (recorded.status_code, recorded.json()["accepted"]) == (202, 1)
    found = await send(service, token, "/v1/recommendations", {"user_id": someone})
    assert found.json()["personalization"]["support"] == 1
    for whom in ({"anonymous_id": someone}, {}):
        others = await send(service, token, "/v1/recommendations", whom)
        assert others.json()["personalization"]["support"] == 0


@pytest.mark.usefixtures("way")
async def test_and_for_nobody_else(service: Service, someone: str) -> None:
    token = await token_of(service, someone)
    other = await send(service, token, "/v1/recommendations", {"user_id": f"{someone}x"})
    assert (other.status_code, other.json()["title"]) == (403, "Not allowed with this key")
    assert "another" in other.json()["detail"]
    events = [like(user_id=f"{someone}x"), like(user_id=someone), like(anonymous_id=someone)]
    judged = (await send(service, token, "/v1/events", {"events": events})).json()
    assert judged["accepted"] == 2
    assert [(one["index"], one["code"]) for one in judged["rejected"]] == [(0, "forbidden")]
    explained = {"user_id": someone, "explain": True}
    assert (await send(service, token, "/v1/recommendations", explained)).status_code == 403


@pytest.mark.usefixtures("way")
async def test_a_token_that_is_over_or_forged_opens_nothing(service: Service, someone: str) -> None:
    late = (await service.runtime.tokens.issue(someone, -1)).text
    good = await token_of(service, someone)
    for token in (late, good[:-8] + "AAAAAAAA", "nonsense", "", "x" * 5_000, "é".encode()):
        for path, body in (
            ("/v1/recommendations", {"user_id": someone}),
            ("/v1/events", {"events": [like(user_id=someone)]}),
        ):
            refused = await send(service, token, path, body)
            assert refused.status_code == 401, token
            assert refused.json()["type"] == "/docs#user-token-refused"
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("way")
async def test_a_token_is_no_key(service: Service, someone: str) -> None:
    token = await token_of(service, someone)
    for headers in ({"X-User-Token": token}, {"X-API-Key": token, "X-User-Token": token}):
        answer = await service.client.post("/v1/recommendations", json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["title"] == "API key needed"


@pytest.mark.usefixtures("way")
async def test_server_keys_need_no_token_and_admin_keys_gain_nothing(
    service: Service, someone: str
) -> None:
    asked = {"user_id": someone}
    server = await send(service, "nonsense", "/v1/recommendations", asked, scope=Scope.SERVER)
    assert server.status_code == 200
    token = await token_of(service, someone)
    admin = await send(service, token, "/v1/recommendations", asked, scope=Scope.ADMIN)
    assert admin.status_code == 403


async def test_no_other_route_opens_to_a_token(service: Service, someone: str) -> None:
    token = await token_of(service, someone)
    closed = [
        route
        for route, allowed in EXPECTED.items()
        if isinstance(allowed, frozenset) and Scope.PUBLISHABLE not in allowed
    ]
    assert ("get", "/v1/users/{user_id}/events") in closed
    assert ("post", "/v1/recommendations/batch") in closed
    for method, path in closed:
        url = path.replace("{user_id}", someone).replace("{item_id}", "i001")
        answer = await send(service, token, url.replace("{key_id}", "k"), {}, method=method)
        assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("seconds", [0, -1, 86_401, 1.5, "60"])
async def test_a_token_lasts_a_day_at_most(service: Service, someone: str, seconds: object) -> None:
    answer = await service.send("POST", f"/v1/users/{someone}/token", {"seconds": seconds})
    assert answer.json()["errors"][0]["pointer"] == "/seconds"


async def test_browsers_may_send_it(service: Service) -> None:
    headers = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-user-token, x-api-key",
    }
    assert (await service.client.options("/v1/recommendations", headers=headers)).is_success
