from typing import Any
from urllib.parse import quote

import pytest

from app.stores.activation import Activation
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = ["a/b", 'it\'s "q"', "{a}", "🎬" * 64, "x" * 256, " ", "%2F", "a?b#c", "a;b", "é"]


@pytest.mark.parametrize("item_id", ODD)
async def test_what_was_put_can_be_read(service: Service, item_id: str) -> None:
    path = f"/v1/items/{quote(item_id, safe='')}"
    put = await service.send("PUT", path, {"properties": {"title": item_id, "n": [1, None]}})
    assert put.status_code == 200
    assert put.json()["item_id"] == item_id
    assert (await service.send("GET", path)).json() == {
        "item_id": item_id,
        "properties": {"title": item_id, "n": [1, None]},
        "hidden": False,
        "available_from": None,
        "available_until": None,
    }


async def test_a_put_replaces_the_whole_item(service: Service, someone: str) -> None:
    path = f"/v1/items/{someone}"
    await service.send("PUT", path, {"properties": {"a": 1}, "hidden": True})
    await service.send("PUT", path, {"properties": {"b": 2}})
    item = (await service.send("GET", path)).json()
    assert (item["properties"], item["hidden"]) == ({"b": 2}, False)


async def test_hiding_takes_effect_on_the_next_call(service: Service) -> None:
    assert await shown(service, "i020")
    await service.send("PUT", "/v1/items/i020", {"hidden": True})
    assert not await shown(service, "i020")
    await service.send("PUT", "/v1/items/i020", {})
    assert await shown(service, "i020")


async def test_items_come_and_go_by_date(service: Service, someone: str) -> None:
    path = f"/v1/items/{someone}"
    past, future = "2020-01-01T00:00:00Z", "2100-01-01T00:00:00+02:00"
    await service.send("PUT", path, {"available_from": past, "available_until": future})
    assert await shown(service, someone)
    assert (await service.send("GET", path)).json()["available_from"] == 1_577_836_800_000
    await service.send("PUT", path, {"available_from": future})
    assert not await shown(service, someone)


async def shown(service: Service, item_id: str) -> bool:
    answer = await service.recommendations(candidate_item_ids=[item_id])
    return bool(answer["items"])


async def test_in_bulk_each_item_is_judged_alone(service: Service, someone: str) -> None:
    items: list[Any] = [
        {"item_id": f"{someone}/1", "properties": {"v": 1}},
        {"item_id": ""},
        {"properties": {}},
        {"item_id": f"{someone}/1", "properties": {"v": 2}},
        {"item_id": f"{someone}/2", "hidden": "no"},
        None,
    ]
    answer = (await service.send("PUT", "/v1/items", {"items": items})).json()
    assert answer["stored"] == 1
    assert [one["index"] for one in answer["rejected"]] == [1, 2, 4, 5]
    assert [one["detail"].partition(":")[0] for one in answer["rejected"]] == [
        "item_id",
        "item_id",
        "hidden",
        "expected an object",
    ]
    kept = await service.send("GET", f"/v1/items/{someone}%2F1")
    assert kept.json()["properties"] == {"v": 2}


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"properties": []}, 422, "/properties"),
        ({"properties": {"a": {"b": "\0"}}}, 422, "/properties"),
        ({"available_from": "soon"}, 422, "/available_from"),
        ({"available_from": 1767319445}, 422, "/available_from"),
        ({"item_id": "other"}, 422, "/item_id"),
        (
            {"available_from": "2027-01-01T00:00:00Z", "available_until": "2026-01-01T00:00:00Z"},
            422,
            "",
        ),
        (b"{", 400, None),
    ],
)
async def test_wrong_items_are_refused(
    service: Service, body: Any, status: int, pointer: str | None
) -> None:
    response = await service.send("PUT", "/v1/items/i001", body)
    assert response.status_code == status
    if pointer is not None:
        assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["%FF", "a%00b", "x" * 257])
async def test_wrong_ids_in_paths_are_refused(service: Service, path: str) -> None:
    for method, body in (("GET", None), ("PUT", {})):
        response = await service.send(method, f"/v1/items/{path}", body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == "item_id"


async def test_an_unknown_item_is_not_found(service: Service, someone: str) -> None:
    response = await service.send("GET", f"/v1/items/{someone}")
    assert response.status_code == 404
    assert someone in response.json()["detail"]


async def test_bulk_has_a_bound(service: Service) -> None:
    items = [{"item_id": str(n)} for n in range(1001)]
    response = await service.send("PUT", "/v1/items", {"items": items})
    assert response.status_code == 413


async def test_a_patch_changes_what_it_names_and_keeps_the_rest(
    service: Service, someone: str
) -> None:
    path = f"/v1/items/{someone}"
    until = 4_102_444_800_000
    await service.send(
        "PUT", path, {"properties": {"a": 1, "b": [2]}, "available_until": until, "hidden": True}
    )
    await service.send("PATCH", path, {"properties": {"a": None, "c": "x"}, "hidden": False})
    item = (await service.send("GET", path)).json()
    assert item["properties"] == {"b": [2], "c": "x"}
    assert (item["hidden"], item["available_until"]) == (False, until)
    await service.send("PATCH", path, {"available_until": None})
    assert (await service.send("GET", path)).json()["available_until"] is None


async def test_a_patch_that_turns_dates_around_changes_nothing(
    service: Service, someone: str
) -> None:
    path = f"/v1/items/{someone}"
    await service.send("PUT", path, {"available_until": "2030-01-01T00:00:00Z"})
    refused = await service.send("PATCH", path, {"available_from": "2031-01-01T00:00:00Z"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/available_from"
    assert (await service.send("GET", path)).json()["available_from"] is None


async def test_a_deleted_item_is_gone_until_it_is_put_again(service: Service) -> None:
    path = "/v1/items/i021"
    await service.send("PUT", path, {"properties": {"title": "x"}})
    deleted = await service.send("DELETE", path)
    assert deleted.json()["item_id"] == "i021"
    assert (await service.send("GET", path)).status_code == 404
    assert not await shown(service, "i021")
    await service.events({"type": "like", "user_id": "u", "item_id": "i021"})
    assert not await shown(service, "i021")
    again = await service.send("DELETE", path)
    assert again.json()["catalogue_epoch"] >= deleted.json()["catalogue_epoch"]
    await service.send("PATCH", path, {"properties": {"year": 1979}})
    assert (await service.send("GET", path)).json()["properties"] == {"year": 1979}
    assert await shown(service, "i021")


async def test_what_nobody_knows_can_be_deleted_too(service: Service, someone: str) -> None:
    assert (await service.send("DELETE", f"/v1/items/{someone}")).status_code == 200
    assert (await service.send("GET", f"/v1/items/{someone}")).status_code == 404


async def test_each_way_to_write_items_names_replicas_that_do_not_follow(
    service: Service, someone: str
) -> None:
    activation = Activation(service.runtime.database)
    path, many = f"/v1/items/{someone}", {"items": [{"item_id": f"{someone}2"}]}
    writes = (
        ("PUT", path, {"properties": {"n": 1}}),
        ("PATCH", path, {"properties": {"n": 2}}),
        ("PUT", "/v1/items", many),
        ("DELETE", path, None),
    )
    await activation.heartbeat("frozen", None, 0)
    try:
        for method, where, body in writes:
            assert (await service.send(method, where, body)).json()["laggards"] == ["frozen"]
            await activation.heartbeat("frozen", None, 0)
    finally:
        await activation.leave("frozen")
    for method, where, body in writes:
        assert (await service.send(method, where, body)).json()["laggards"] == []


async def test_an_item_has_no_more_properties_than_can_be_filtered_by(service: Service) -> None:
    told = {f"p{number}": number for number in range(257)}
    answer = await service.send("PUT", "/v1/items/wide", {"properties": told})
    assert answer.status_code == 422
    assert "at most 256 properties" in answer.text
