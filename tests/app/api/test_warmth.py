import pytest

from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_user_warms_up(service: Service, someone: str) -> None:
    path = f"/v1/users/{someone}/warmth"
    cold = (await service.send("GET", path)).json()
    assert (cold["mode"], cold["support"], cold["distance"]) == ("prior", 0, 0)
    await service.events({"type": "like", "user_id": someone, "item_id": "i005"})
    warm = (await service.send("GET", path)).json()
    assert (warm["mode"], warm["support"]) == ("adapted", 1)
    assert 0 < warm["distance"] <= 1


async def test_an_item_is_known_by_training_or_by_its_content(
    service: Service, someone: str
) -> None:
    trained = (await service.send("GET", "/v1/items/i001/warmth")).json()
    assert (trained["row"], trained["shown"]) == ("trained", True)
    await service.send("PUT", f"/v1/items/{someone}", {"hidden": True})
    new = (await service.send("GET", f"/v1/items/{someone}/warmth")).json()
    assert (new["row"], new["events"], new["shown"]) == ("content", 0, False)


async def test_of_unknown_and_deleted_items_there_is_nothing_to_tell(
    service: Service, someone: str
) -> None:
    path = f"/v1/items/{someone}"
    assert (await service.send("GET", f"{path}/warmth")).status_code == 404
    await service.send("PUT", path, {})
    assert (await service.send("GET", f"{path}/warmth")).status_code == 200
    await service.send("DELETE", path)
    assert (await service.send("GET", f"{path}/warmth")).status_code == 404
