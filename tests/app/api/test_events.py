import json
from typing import Any

import pytest

from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_event_counts_once(service: Service, someone: str) -> None:
    event = {"event_id": "e1", "type": "like", "user_id": someone, "item_id": "i003"}
    first, second = await service.events(event), await service.events(event)
    assert (first["accepted"], first["duplicates"], first["rejected"]) == (1, 0, [])
    assert (second["accepted"], second["duplicates"]) == (0, 1)
    assert first["watermark"]


async def test_read_your_writes(service: Service, someone: str) -> None:
    before = await service.recommendations(user_id=someone)
    event = {"type": "purchase", "user_id": someone, "item_id": before["items"][0]["item_id"]}
    recorded = await service.events(event)
    after = await service.recommendations(user_id=someone, min_watermark=recorded["watermark"])
    assert before["personalization"]["mode"] == "prior"
    assert after["personalization"]["mode"] == "adapted"
    assert after["personalization"]["support"] == 1
    assert after["degraded"] is None
    assert event["item_id"] not in [item["item_id"] for item in after["items"]]


BAD: list[tuple[Any, str]] = [
    ({"user_id": "u", "item_id": "i"}, "type"),
    ({"type": "like", "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": "i001"}, "user_id"),
    ({"type": "like", "item_id": "i", "user_id": "u", "anonymous_id": "a"}, "anonymous_id"),
    ({"type": "adore", "item_id": "i", "user_id": "u"}, "type"),
    ({"type": "like", "item_id": "", "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": "x" * 257, "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": "a\0b", "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": "\ud83d", "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": 7, "user_id": "u"}, "item_id"),
    ({"type": "like", "item_id": "i", "user_id": "u", "timestamp": "today"}, "timestamp"),
    ({"type": "like", "item_id": "i", "user_id": "u", "timestamp": 1767319445}, "seconds"),
    ({"type": "like", "item_id": "i", "user_id": "u", "timestamp": 4102444800000}, "timestamp"),
    ({"type": "like", "item_id": "i", "user_id": "u", "value": "5"}, "value"),
    ({"type": "rating", "item_id": "i", "user_id": "u", "value": 99}, "value"),
    ({"type": "like", "item_id": "i", "user_id": "u", "position": -1}, "position"),
    ({"type": "like", "item_id": "i", "user_id": "u", "context": ["x"]}, "context"),
    ({"type": "like", "item_id": "i", "user_id": "u", "event_id": "x" * 129}, "event_id"),
    ({"type": "like", "item_id": "i", "user_id": "u", "itemid": "i"}, "itemid"),
    ("like", "an object"),
    (None, "an object"),
    (7, "an object"),
]


@pytest.mark.parametrize(("bad", "named"), BAD)
async def test_a_bad_event_names_its_field_and_sinks_no_other(
    service: Service, someone: str, bad: Any, named: str
) -> None:
    good = {"type": "like", "user_id": someone, "item_id": "i001"}
    answer = await service.events(good, bad, {**good, "item_id": "i002"})
    assert answer["accepted"] == 2
    [rejected] = answer["rejected"]
    assert rejected["index"] == 1
    assert named in rejected["detail"]
    assert rejected["code"]


async def test_places_in_the_batch_survive_both_kinds_of_rejection(
    service: Service, someone: str
) -> None:
    good = {"type": "like", "user_id": someone, "item_id": "i001", "event_id": "kept"}
    unsafe = {"type": "like", "user_id": someone, "item_id": "i002"}
    answer = await service.events({}, {**good, "type": "adore"}, good, 7, unsafe)
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [
        (0, "invalid"),
        (1, "unknown_type"),
        (3, "invalid"),
    ]
    assert answer["not_retry_safe"] == [4]


@pytest.mark.parametrize("odd", ["a/b", 'it\'s "q"', "{a}", "🎬" * 64, "x" * 256, " ", "%2F", ".."])
async def test_odd_ids_are_kept_as_they_are(service: Service, odd: str) -> None:
    event = {"type": "like", "user_id": odd, "item_id": odd}
    assert (await service.events(event))["accepted"] == 1
    listed = await service.recommendations(
        user_id=odd, candidate_item_ids=[odd, "i001"], include_seen=True
    )
    assert {item["item_id"] for item in listed["items"]} == {odd, "i001"}


async def test_an_empty_batch_is_no_error(service: Service) -> None:
    answer = await service.events()
    assert (answer["accepted"], answer["rejected"], answer["watermark"]) == (0, [], None)


async def test_a_beacon_needs_neither_headers_nor_preflight(service: Service, someone: str) -> None:
    event = {"type": "click", "anonymous_id": someone, "item_id": "i001"}
    response = await service.client.post(
        "/v1/events",
        params={"key": service.keys[Scope.PUBLISHABLE]},
        content=json.dumps({"events": [event]}).encode(),
        headers={"Content-Type": "text/plain;charset=UTF-8"},
    )
    assert response.status_code == 202
    assert response.json()["accepted"] == 1


async def test_a_publishable_key_speaks_for_guests_only(service: Service, someone: str) -> None:
    guest = {"type": "like", "anonymous_id": someone, "item_id": "i001"}
    member = {"type": "like", "user_id": someone, "item_id": "i001"}
    answer = await service.events(guest, member, scope=Scope.PUBLISHABLE)
    assert answer["accepted"] == 1
    [rejected] = answer["rejected"]
    assert (rejected["index"], rejected["code"]) == (1, "forbidden")
    assert "anonymous_id" in rejected["detail"]
    unmoved = await service.recommendations(user_id=someone)
    assert unmoved["personalization"]["mode"] == "prior"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"", 400, None),
        (b'{"events": [', 400, None),
        (b'{"events": [NaN]}', 400, None),
        (b"\xff\xfe", 400, None),
        ([], 422, ""),
        ({}, 422, "/events"),
        ({"events": {}}, 422, "/events"),
        ({"events": [], "more": 1}, 422, "/more"),
        ({"events": [{}] * 1001}, 413, None),
    ],
)
async def test_what_is_no_batch_is_a_problem(
    service: Service, body: Any, status: int, pointer: str | None
) -> None:
    response = await service.send("POST", "/v1/events", body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    if pointer is not None:
        assert response.json()["errors"][0]["pointer"] == pointer
