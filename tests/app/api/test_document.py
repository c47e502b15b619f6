import json
from typing import Any

import pytest

from app.api import document
from app.api.problems import KINDS
from app.domain import Scope
from tests.app.api.conftest import Service

BODILESS = {"/v1/admin/weights/rollback"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(service: Service) -> dict[str, Any]:
    response = await service.client.get("/v1/openapi.json", headers=service.by(Scope.PUBLISHABLE))
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


async def test_every_reference_leads_somewhere(service: Service) -> None:
    found = await read(service)
    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    used = references(found)
    assert used <= schemas
    assert "#/components/schemas/EventIn" in used
    assert "$defs" not in str(found)


async def test_bodies_that_routes_read_themselves_are_described(service: Service) -> None:
    found = await read(service)
    content = found["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "text/plain"}
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/EventsIn"}
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            says_something = method in {"post", "put", "patch"} and path not in BODILESS
            assert ("requestBody" in operation) == says_something


async def test_examples_are_what_the_routes_accept(service: Service) -> None:
    found = await read(service)
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                scope = Scope.ADMIN if "admin" in path else Scope.SERVER
                key_id = service.keys[Scope.PUBLISHABLE].split("_")[2]
                url = path.replace("{item_id}", "i001").replace("{user_id}", "u1")
                url = url.replace("{key_id}", key_id)
                response = await service.send(method.upper(), url, example["value"], scope=scope)
                assert response.is_success, (path, response.text)
                for line in response.text.splitlines():
                    assert not json.loads(line).get("rejected")


async def test_every_answer_may_be_a_problem(service: Service) -> None:
    found = await read(service)
    for operations in found["paths"].values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]


async def test_the_page_explains_every_problem_and_loads_nothing(service: Service) -> None:
    response = await service.client.get("/docs", headers=service.by(Scope.SERVER))
    assert response.headers["content-type"].startswith("text/html")
    for kind in KINDS.values():
        assert f'id="{kind.slug}"' in response.text
    assert "/v1/recommendations" in response.text
    for loading in ("<script", "<link", "<img", "src=", "http://", "https://", "@import"):
        assert loading not in response.text


async def test_the_page_escapes_what_it_shows() -> None:
    operation = {"summary": "<script>", "security": [], "responses": {}}
    found = {"info": {"title": "<b>"}, "paths": {"/<i>": {"get": operation}}}
    shown = document.page(found)
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
