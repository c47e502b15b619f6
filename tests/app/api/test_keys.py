import pytest

from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/admin/keys"


async def test_a_key_is_shown_once_and_opens_its_scope(service: Service) -> None:
    made = await service.send("POST", PATH, {"label": "till", "scope": "server"}, scope=Scope.ADMIN)
    assert made.status_code == 201
    key = made.json()["key"]
    opened = await service.client.get("/v1/items/i001/warmth", headers={"X-API-Key": key})
    assert opened.status_code == 200
    listed = await service.send("GET", PATH, scope=Scope.ADMIN)
    assert key.split("_")[3] not in listed.text
    assert "sha256" not in listed.text
    [shown] = [one for one in listed.json()["keys"] if one["label"] == "till"]
    assert shown == {name: value for name, value in made.json().items() if name != "key"}


async def test_a_key_is_rotated_and_revoked(service: Service) -> None:
    body = {"label": "till", "scope": "publishable"}
    made = (await service.send("POST", PATH, body, scope=Scope.ADMIN)).json()
    path = f"{PATH}/{made['key_id']}"

    async def opens(key: str) -> bool:
        answer = await service.client.post(
            "/v1/recommendations", json={}, headers={"X-API-Key": key}
        )
        return answer.is_success

    rotated = (await service.send("POST", f"{path}/rotate", scope=Scope.ADMIN)).json()
    assert rotated["previous_until"] > made["created_at"] + 86_000_000
    assert [await opens(key) for key in (made["key"], rotated["key"])] == [True, True]
    again = await service.send("POST", f"{path}/rotate", {"grace_seconds": 0}, scope=Scope.ADMIN)
    assert again.json()["previous_until"] is None
    assert [await opens(key) for key in (rotated["key"], again.json()["key"])] == [False, True]
    for _ in range(2):
        revoked = await service.send("DELETE", path, scope=Scope.ADMIN)
        assert revoked.json()["revoked_at"] is not None
    assert not await opens(again.json()["key"])
    gone = await service.send("POST", f"{path}/rotate", scope=Scope.ADMIN)
    assert gone.status_code == 404


async def test_the_last_admin_key_stays(service: Service) -> None:
    key_id = service.keys[Scope.ADMIN].split("_")[2]
    refused = await service.send("DELETE", f"{PATH}/{key_id}", scope=Scope.ADMIN)
    assert (refused.status_code, refused.json()["title"]) == (409, "Last admin key")
    assert (await service.send("GET", PATH, scope=Scope.ADMIN)).status_code == 200


@pytest.mark.parametrize(
    "body", [{"label": "x"}, {"label": "x", "scope": "root"}, {"label": "", "scope": "server"}]
)
async def test_a_key_has_a_label_and_a_scope(service: Service, body: dict[str, str]) -> None:
    answer = await service.send("POST", PATH, body, scope=Scope.ADMIN)
    assert answer.status_code == 422


@pytest.mark.parametrize("seconds", [-1, 30 * 86_400 + 1, 1.5, "60"])
async def test_a_grace_has_its_bounds(service: Service, seconds: object) -> None:
    path = f"{PATH}/nobody/rotate"
    answer = await service.send("POST", path, {"grace_seconds": seconds}, scope=Scope.ADMIN)
    assert answer.json()["errors"][0]["pointer"] == "/grace_seconds"
    unknown = await service.send("DELETE", f"{PATH}/nobody", scope=Scope.ADMIN)
    assert unknown.status_code == 404
