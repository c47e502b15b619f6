import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


async def test_nobody_gets_what_an_unknown_user_gets(service: Service, someone: str) -> None:
    everyone = await service.recommendations()
    unknown = await service.recommendations(user_id=someone)
    assert ids(everyone) == ids(unknown)
    assert len(everyone["items"]) == 10
    assert [item["rank"] for item in everyone["items"]] == list(range(1, 11))
    assert everyone["personalization"]["mode"] == "prior"
    assert everyone["personalization"]["gate"] == {"blend": 0.0}


async def test_the_question_bounds_the_list(service: Service) -> None:
    narrowed = await service.recommendations(
        k=3, candidate_item_ids=["i001", "i002", "i003"], exclude_item_ids=["i002"]
    )
    assert set(ids(narrowed)) == {"i001", "i003"}
    assert narrowed["shortfall"] == "candidates_exhausted"
    none = await service.recommendations(candidate_item_ids=[])
    assert none["items"] == []


async def test_the_short_form_says_the_same(service: Service) -> None:
    someone = "a/b{c} 🎬\"'"
    await service.events({"type": "like", "user_id": someone, "item_id": "i004"})
    path = f"/v1/users/{quote(someone, safe='')}/recommendations?k=5"
    async with asyncio.timeout(30):
        while True:  # until nothing was counted in between
            long = await service.recommendations(user_id=someone, k=5)
            short = (await service.send("GET", path)).json()
            if long["catalogue_epoch"] == short["catalogue_epoch"]:
                break
    assert short["items"] == long["items"]
    assert short["personalization"]["mode"] == "adapted"


async def test_properties_come_with_the_items(service: Service) -> None:
    properties = {"title": "Alien", "year": 1979, "genres": ["Horror"]}
    await service.send("PUT", "/v1/items/i001", {"properties": properties})
    listed = await service.recommendations(
        candidate_item_ids=["i001"], properties=["title", "year", "unheard-of"]
    )
    assert listed["items"][0]["properties"] == {"title": "Alien", "year": 1979}


async def test_the_answer_tells_its_time_and_name(service: Service) -> None:
    response = await service.client.post(
        "/v1/recommendations",
        json={},
        headers={**service.by(Scope.SERVER), "X-Request-Id": "my-own.id:1"},
    )
    assert response.headers["x-request-id"] == "my-own.id:1"
    steps = [part.partition(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert steps == ["store", "adapt", "rank", "total"]


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        ({"k": 0}, "/k"),
        ({"k": 501}, "/k"),
        ({"k": "10"}, "/k"),
        ({"k": True}, "/k"),
        ({"k": 1.5}, "/k"),
        ({"user_id": ""}, "/user_id"),
        ({"user_id": 7}, "/user_id"),
        ({"user_id": "u", "anonymous_id": "a"}, ""),
        ({"exclude_item_ids": "i001"}, "/exclude_item_ids"),
        ({"exclude_item_ids": ["i001", None]}, "/exclude_item_ids/1"),
        ({"exclude_item_ids": ["i"] * 1001}, "/exclude_item_ids"),
        ({"candidate_item_ids": ["i"] * 1001}, "/candidate_item_ids"),
        ({"include_seen": 1}, "/include_seen"),
        ({"properties": ["title"] * 51}, "/properties"),
        ({"timeout_ms": 0}, "/timeout_ms"),
        ({"filter": {}}, "/filter"),
        ({"user_id": "u", "min_watermark": "nonsense"}, "/min_watermark"),
        ([], ""),
    ],
)
async def test_wrong_questions_are_named_by_pointer(
    service: Service, question: Any, pointer: str
) -> None:
    response = await service.send("POST", "/v1/recommendations", question)
    assert response.status_code == 422
    problem = response.json()
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["type"] == "/docs#invalid-request"


@pytest.mark.parametrize("query", ["k=0", "k=many", "k=501", "k=1.5"])
async def test_wrong_parameters_are_named(service: Service, query: str) -> None:
    response = await service.send("GET", f"/v1/users/u/recommendations?{query}")
    assert response.status_code == 422
    assert "k" in response.json()["detail"]


async def test_a_publishable_key_reads_for_guests_only(service: Service, someone: str) -> None:
    guest = await service.recommendations(Scope.PUBLISHABLE, anonymous_id=someone)
    assert len(guest["items"]) == 10
    assert (await service.recommendations(Scope.PUBLISHABLE))["items"] == guest["items"]
    refused = await service.send(
        "POST", "/v1/recommendations", {"user_id": someone}, scope=Scope.PUBLISHABLE
    )
    assert refused.status_code == 403
    assert "anonymous_id" in refused.json()["detail"]


async def test_without_weights_the_answer_says_how_to_make_them(unready: Service) -> None:
    response = await unready.send("POST", "/v1/recommendations", {})
    assert response.status_code == 503
    assert "thaw train" in response.json()["detail"]
