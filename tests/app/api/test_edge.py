"""What holds for every request, whatever the route."""

from collections.abc import AsyncIterator

import pytest

from app.domain import Scope
from app.errors import Overloaded, StorageUnavailable
from tests.app.api.conftest import SHOP, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBLEM = "application/problem+json"
MIB = 1024 * 1024


async def test_a_path_that_is_not_there(service: Service) -> None:
    for path in ("/nowhere", "/v1/items/a/b", "/v1/items/", "/v1//events", "//"):
        response = await service.client.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == PROBLEM
        assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_method_that_is_not_there(service: Service) -> None:
    response = await service.client.delete("/v1/events")
    assert (response.status_code, response.headers["content-type"]) == (405, PROBLEM)
    assert response.headers["allow"] == "POST"
    assert response.json()["type"] == "/docs#method-not-allowed"


async def test_a_path_may_be_spelled_in_any_encoding(service: Service) -> None:
    response = await service.client.get("/%6civez")
    assert response.status_code == 200


async def test_a_body_of_a_mebibyte_is_read_and_one_more_byte_is_not(service: Service) -> None:
    frame = len(b'{"events":[],"x":""}')
    for size, status in ((MIB, 422), (MIB + 1, 413)):
        body = b'{"events":[],"x":"' + b"y" * (size - frame) + b'"}'
        response = await service.send("POST", "/v1/events", body)
        assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)


async def test_a_body_is_counted_while_it_streams(service: Service) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MIB:
            sent += 65_536
            yield b"x" * 65_536

    response = await service.client.post(
        "/v1/events", content=endless(), headers=service.by(Scope.SERVER)
    )
    assert response.status_code == 413
    assert sent <= MIB + 65_536


async def test_a_media_type_that_is_not_json(service: Service) -> None:
    for path in ("/v1/events", "/v1/recommendations"):
        headers = {**service.by(Scope.SERVER), "Content-Type": "application/xml"}
        response = await service.client.post(path, content=b"<a/>", headers=headers)
        assert (response.status_code, response.headers["content-type"]) == (415, PROBLEM)
        assert "application/json" in response.json()["detail"]


@pytest.mark.parametrize("given", ["abc", "A-b_c.d:9", "x" * 128])
async def test_a_sane_request_id_is_kept(service: Service, given: str) -> None:
    response = await service.client.get("/livez", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", "a\tb", '"'])
async def test_any_other_request_id_is_replaced(service: Service, given: str) -> None:
    response = await service.client.get("/livez", headers={b"X-Request-Id": given.encode()})
    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 32


async def test_answers_are_private_and_timed(service: Service) -> None:
    for path in ("/livez", "/nowhere", "/v1/items/unheard-of"):
        response = await service.client.get(path, headers=service.by(Scope.SERVER))
        assert response.headers["cache-control"] == "private, no-store"
        assert response.headers["server-timing"].startswith("total;dur=")
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_an_unexpected_error_is_a_problem_without_its_traceback(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(item_id: str) -> None:
        raise ZeroDivisionError("the secret detail")

    monkeypatch.setattr(service.runtime.parts.catalogue, "get_item", fail)
    headers = {**service.by(Scope.SERVER), "Origin": SHOP}
    response = await service.client.get("/v1/items/i001", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (500, PROBLEM)
    assert "secret" not in response.text
    assert response.headers["access-control-allow-origin"] == SHOP
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert "the secret detail" in caplog.text


@pytest.mark.parametrize(
    ("error", "seconds"), [(StorageUnavailable("database"), "1"), (Overloaded("event", 2.5), "3")]
)
async def test_what_is_unavailable_says_when_to_return(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception, seconds: str
) -> None:
    async def fail(events: object) -> None:
        raise error

    monkeypatch.setattr(service.runtime.parts.log, "append", fail)
    event = {"type": "like", "user_id": "u", "item_id": "i001"}
    response = await service.send("POST", "/v1/events", {"events": [event]})
    assert (response.status_code, response.headers["content-type"]) == (503, PROBLEM)
    assert response.headers["retry-after"] == seconds


async def test_cors_is_an_allow_list(service: Service) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    good = await service.client.options("/v1/events", headers={"Origin": SHOP, **asked})
    assert good.status_code == 200
    assert good.headers["access-control-allow-origin"] == SHOP
    bad = await service.client.options(
        "/v1/events", headers={"Origin": "https://evil.example", **asked}
    )
    assert (bad.status_code, bad.headers["content-type"]) == (400, PROBLEM)
    assert "access-control-allow-origin" not in bad.headers


async def test_browsers_may_read_errors_too(service: Service) -> None:
    response = await service.client.post("/v1/events", headers={"Origin": SHOP})
    assert response.status_code == 401
    assert response.headers["access-control-allow-origin"] == SHOP
    assert "X-Request-Id" in response.headers["access-control-expose-headers"]
