import pytest

from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = ("/console/people/user/u1", "/console/people/anon/g1", "/console/items/i001")


async def test_the_page_needs_no_key_and_no_demo(service: Service) -> None:
    page = await service.client.get("/console")
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not [key for key in service.keys.values() if key in page.text]


@pytest.mark.parametrize("path", PATHS)
async def test_what_it_shows_needs_an_admin_key(service: Service, path: str) -> None:
    assert (await service.client.get(path)).status_code == 401
    for scope in Scope:
        answer = await service.client.get(path, headers=service.by(scope))
        assert answer.status_code == (200 if scope is Scope.ADMIN else 403)


async def test_somebody_unknown_has_nothing_to_explain(service: Service) -> None:
    answer = await service.client.get(PATHS[0], headers=service.by(Scope.ADMIN))
    person = answer.json()
    assert (person["mode"], person["support"], person["distance"]) == ("prior", 0, 0)
    assert len(person["items"]) == 10
    assert not any(item["reasons"] for item in person["items"])


async def test_a_list_is_explained(service: Service, someone: str) -> None:
    events = [
        {"event_id": f"{someone}-{item}", "type": "like", "user_id": someone, "item_id": item}
        for item in ("i003", "i009")
    ]
    await service.send("POST", "/v1/events", {"events": events})
    path = f"/console/people/user/{someone}"
    person = (await service.client.get(path, headers=service.by(Scope.ADMIN))).json()
    assert (person["mode"], person["support"]) == ("adapted", 2)
    assert {one["item_id"] for item in person["items"] for one in item["reasons"]} == {
        "i003",
        "i009",
    }


async def test_an_unknown_item_is_not_found(service: Service) -> None:
    answer = await service.client.get("/console/items/none", headers=service.by(Scope.ADMIN))
    assert answer.status_code == 404
