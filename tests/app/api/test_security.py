"""Every route of the OpenAPI document by every scope: a new route without a scope fails."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYONE, EACH_KEY = "no key", frozenset(Scope)
SHOPFRONT = frozenset({Scope.PUBLISHABLE, Scope.SERVER})
SERVER, ADMIN = frozenset({Scope.SERVER}), frozenset({Scope.ADMIN})
EXPECTED: dict[tuple[str, str], frozenset[Scope] | str] = {
    ("post", "/v1/events"): SHOPFRONT,
    ("post", "/v1/recommendations"): SHOPFRONT,
    ("get", "/v1/users/{user_id}/recommendations"): SERVER,
    ("put", "/v1/items/{item_id}"): SERVER,
    ("get", "/v1/items/{item_id}"): SERVER,
    ("put", "/v1/items"): SERVER,
    ("get", "/v1/items/{item_id}/similar"): SHOPFRONT,
    ("post", "/v1/items/{item_id}/audience"): SERVER,
    ("post", "/v1/recommendations/batch"): SERVER,
    ("post", "/v1/recommendations/preview"): SERVER,
    ("get", "/v1/users/{user_id}/events"): SERVER,
    ("get", "/v1/users/{user_id}/warmth"): SERVER,
    ("get", "/v1/items/{item_id}/warmth"): SERVER,
    ("post", "/v1/users/{user_id}/merge"): SERVER,
    ("post", "/v1/users/{user_id}/token"): SERVER,
    ("delete", "/v1/users/{user_id}"): SERVER,
    ("patch", "/v1/items/{item_id}"): SERVER,
    ("delete", "/v1/items/{item_id}"): SERVER,
    ("patch", "/v1/users/{user_id}"): SERVER,
    ("put", "/v1/users/{user_id}"): SERVER,
    ("get", "/v1/users/{user_id}"): SERVER,
    ("put", "/v1/users"): SERVER,
    ("post", "/v1/admin/weights/reload"): ADMIN,
    ("get", "/v1/admin/weights/reload/{reload_id}"): ADMIN,
    ("post", "/v1/admin/weights/rollback"): ADMIN,
    ("get", "/v1/admin/weights"): ADMIN,
    ("get", "/v1/admin/impact"): ADMIN,
    ("get", "/v1/admin/weights/{version}/estimate"): ADMIN,
    ("post", "/v1/admin/keys"): ADMIN,
    ("get", "/v1/admin/keys"): ADMIN,
    ("post", "/v1/admin/keys/{key_id}/rotate"): ADMIN,
    ("delete", "/v1/admin/keys/{key_id}"): ADMIN,
    ("get", "/metrics"): ADMIN,
    ("get", "/v1/openapi.json"): EACH_KEY,
    ("get", "/docs"): EACH_KEY,
    ("get", "/livez"): EVERYONE,
    ("get", "/readyz"): EVERYONE,
}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


async def test_the_document_lists_exactly_the_expected_routes_with_their_scopes(
    service: Service,
) -> None:
    found = {
        (method, path): frozenset(
            Scope(scope)
            for way in operation.get("security", [])
            for scopes in way.values()
            for scope in scopes
        )
        or EVERYONE
        for method, path, operation in operations(service.app.openapi())
    }
    assert found == EXPECTED


async def test_each_scope_opens_what_the_document_says_and_nothing_else(service: Service) -> None:
    for method, path, _ in operations(service.app.openapi()):
        allowed = EXPECTED[method, path]
        url = path.replace("{user_id}", "u").replace("{item_id}", "i001")
        keyless = await service.client.request(method, url)
        assert (keyless.status_code == 401) == (allowed != EVERYONE), (method, path)
        for scope in Scope:
            response = await service.client.request(method, url, headers=service.by(scope))
            opened = response.status_code not in {401, 403}
            assert opened == (allowed == EVERYONE or scope in allowed), (method, path, scope)


async def test_a_refusal_says_what_is_needed(service: Service) -> None:
    keyless = await service.client.put("/v1/items/i001")
    assert keyless.headers["www-authenticate"] == "Bearer"
    assert "X-API-Key" in keyless.json()["detail"]
    wrong = await service.client.put("/v1/items/i001", headers=service.by(Scope.PUBLISHABLE))
    assert wrong.status_code == 403
    assert wrong.json()["detail"] == "a publishable key may not do this; it needs a server key"


@pytest.mark.parametrize("by", ["Authorization", "X-API-Key", "lower-case bearer"])
async def test_keys_travel_in_either_header(service: Service, by: str) -> None:
    key = service.keys[Scope.SERVER]
    headers = {
        "Authorization": {"Authorization": f"Bearer {key}"},
        "X-API-Key": {"X-API-Key": key},
        "lower-case bearer": {"authorization": f"bearer {key}"},
    }[by]
    response = await service.client.post("/v1/recommendations", json={}, headers=headers)
    assert response.status_code == 200


async def test_a_key_in_the_query_opens_events_only(service: Service) -> None:
    query = {"key": service.keys[Scope.SERVER]}
    events = await service.client.post("/v1/events", params=query, json={"events": []})
    assert events.status_code == 202
    others = await service.client.post("/v1/recommendations", params=query, json={})
    assert others.status_code == 401


@pytest.mark.parametrize(
    "key", ["", "nonsense", "thaw_server_x_y", "thaw_admin_", "é" * 10, "x" * 5000, "_" * 40]
)
async def test_wrong_keys_open_nothing(service: Service, key: str) -> None:
    for headers in ({b"X-API-Key": key.encode()}, {b"Authorization": b"Bearer " + key.encode()}):
        response = await service.client.get("/v1/admin/weights", headers=headers)
        assert response.status_code == 401


async def test_a_key_with_another_scope_in_its_text_is_worth_nothing(service: Service) -> None:
    forged = service.keys[Scope.PUBLISHABLE].replace("publishable", "admin")
    response = await service.client.get("/v1/admin/weights", headers={"X-API-Key": forged})
    assert response.status_code == 401


async def test_keys_and_query_strings_stay_out_of_the_log(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    key = service.keys[Scope.PUBLISHABLE]
    with caplog.at_level(logging.DEBUG):
        await service.client.post("/v1/events", params={"key": key}, content=b"{")
        await service.client.post("/v1/recommendations", json={}, headers=service.by(Scope.SERVER))
        await service.client.get("/nowhere", params={"key": key})
    written = caplog.text
    assert "request_answered" in written
    assert not [secret for secret in service.keys.values() if secret in written]
    assert "key=" not in written
