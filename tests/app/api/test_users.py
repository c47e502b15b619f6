import asyncio
from urllib.parse import quote

import pytest

from tests.app.api.conftest import Service
from tests.app.api.test_items import ODD

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("user_id", ODD)
async def test_what_was_put_can_be_read(service: Service, user_id: str) -> None:
    path = f"/v1/users/{quote(user_id, safe='')}"
    user = {"user_id": user_id, "properties": {"age": 41, "tags": ["a"]}}
    put = await service.send("PUT", path, {"properties": user["properties"]})
    assert put.json() == user
    assert (await service.send("GET", path)).json() == user


async def test_in_bulk_each_user_is_judged_alone(service: Service, someone: str) -> None:
    users = [
        {"user_id": f"{someone}1", "properties": {"v": 1}},
        {"user_id": 7},
        {"user_id": f"{someone}2", "colour": "red"},
    ]
    answer = (await service.send("PUT", "/v1/users", {"users": users})).json()
    assert answer["stored"] == 1
    assert [one["index"] for one in answer["rejected"]] == [1, 2]
    kept = await service.send("GET", f"/v1/users/{someone}1")
    assert kept.json()["properties"] == {"v": 1}


async def test_an_unknown_user_is_not_found(service: Service, someone: str) -> None:
    response = await service.send("GET", f"/v1/users/{someone}")
    assert response.status_code == 404


async def test_wrong_properties_are_named(service: Service) -> None:
    response = await service.send("PUT", "/v1/users/u", {"properties": 1})
    assert response.json()["errors"][0]["pointer"] == "/properties"


async def test_a_patch_changes_the_properties_it_names(service: Service, someone: str) -> None:
    path = f"/v1/users/{someone}"
    made = await service.send("PATCH", path, {"properties": {"language": "fi", "since": 2019}})
    assert made.json() == {"user_id": someone, "properties": {"language": "fi", "since": 2019}}
    await service.send("PATCH", path, {"properties": {"language": "sv", "since": None}})
    assert (await service.send("GET", path)).json()["properties"] == {"language": "sv"}


async def test_patches_at_once_lose_nothing(service: Service, someone: str) -> None:
    path = f"/v1/users/{someone}"
    changes = [{"properties": {f"p{n}": n}} for n in range(8)]
    await asyncio.gather(*(service.send("PATCH", path, change) for change in changes))
    properties = (await service.send("GET", path)).json()["properties"]
    assert properties == {f"p{n}": n for n in range(8)}
