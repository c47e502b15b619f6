"""Whatever is thrown at the two hot routes: an answer or a problem, never a 5xx."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import Scope
from app.settings import DatabaseSettings
from tests.app.api.conftest import Service, make_settings, serve
from tests.conftest import DATABASES
from tests.generated import save_generated
from tests.servers import PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """On each database, for they differ in what they cannot keep."""
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    changes: dict[str, Any] = {"namespace": "fuzz"}
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        changes["database"] = DatabaseSettings(url=server.url("postgres"))
    async with serve(make_settings(state, **changes)) as served:
        yield served


LIMITS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
any_text = st.text(st.characters(), max_size=20) | st.sampled_from(["\ud800", "\0", "x" * 300])
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**25, -(10**400), 2**63, 1.7e12, 1767319445000])
)
any_json = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=15,
)
ids = st.sampled_from(["i001", "u/1", "🎬"]) | any_json


def mostly(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of `fields` as they should be and some not at all."""
    return st.fixed_dictionaries({}, optional={n: v | any_json for n, v in fields.items()})


events = mostly(
    {
        "type": st.sampled_from(["like", "dislike", "rating", "view"]),
        "user_id": ids,
        "anonymous_id": ids,
        "item_id": ids,
        "event_id": any_text,
        "value": numbers,
        "timestamp": numbers | any_text,
        "request_id": any_text,
        "position": numbers,
        "context": st.dictionaries(any_text, any_json, max_size=3),
    }
)
questions = mostly(
    {
        "user_id": ids,
        "anonymous_id": ids,
        "k": numbers,
        "exclude_item_ids": st.lists(ids, max_size=3),
        "candidate_item_ids": st.lists(ids, max_size=3),
        "include_seen": st.booleans(),
        "properties": st.lists(any_text, max_size=3),
        "min_watermark": any_text,
        "timeout_ms": numbers,
    }
)


async def throw(service: Service, path: str, body: bytes) -> None:
    response = await service.send("POST", path, body)
    assert response.status_code in {200, 202, 400, 413, 422}, response.text
    answer = response.json()
    assert "Traceback" not in response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert answer["detail"]


@LIMITS
@given(path=st.sampled_from(["/v1/events", "/v1/recommendations"]), body=st.binary(max_size=200))
async def test_any_bytes(service: Service, path: str, body: bytes) -> None:
    await throw(service, path, body)


@LIMITS
@given(path=st.sampled_from(["/v1/events", "/v1/recommendations"]), body=any_json)
async def test_any_json(service: Service, path: str, body: Any) -> None:
    await throw(service, path, json.dumps(body).encode())


@LIMITS
@given(body=st.lists(events | any_json, max_size=5))
async def test_almost_events(service: Service, body: list[Any]) -> None:
    await throw(service, "/v1/events", json.dumps({"events": body}).encode())


@LIMITS
@given(question=questions)
async def test_almost_questions(service: Service, question: dict[str, Any]) -> None:
    await throw(service, "/v1/recommendations", json.dumps(question).encode())


@LIMITS
@given(path=st.text(st.characters(codec="utf-8"), max_size=30), item=any_json)
async def test_any_item(service: Service, path: str, item: Any) -> None:
    for prefix in ("/v1/items/", "/v1/users/"):
        url = prefix + "".join(f"%{byte:02X}" for byte in path.encode())
        response = await service.send("PUT", url, json.dumps(item).encode())
        assert response.status_code in {200, 400, 404, 422}, response.text


@LIMITS
@given(key=st.text(st.characters(max_codepoint=255), max_size=60))
async def test_any_key(service: Service, key: str) -> None:
    query = "".join(f"%{byte:02X}" for byte in key.encode())
    response = await service.client.post(f"/v1/events?key={query}", content=b'{"events":[]}')
    assert response.status_code == 401


async def test_the_service_still_works_after_all_that(service: Service, someone: str) -> None:
    answer = await service.recommendations(Scope.PUBLISHABLE, anonymous_id=someone)
    assert len(answer["items"]) == 10
