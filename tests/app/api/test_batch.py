import json
from typing import Any

import pytest

from app.api.batch import AT_ONCE
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/recommendations/batch"


async def lines(service: Service, **question: Any) -> list[dict[str, Any]]:
    response = await service.send("POST", PATH, question)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in response.text.splitlines()]


async def test_each_line_is_what_the_user_alone_would_get(service: Service, someone: str) -> None:
    await service.events({"type": "like", "user_id": someone, "item_id": "i004"})
    users = [someone, "a stranger", someone]
    found = await lines(service, user_ids=users, k=4, exclude_item_ids=["i001"])
    assert [line["user_id"] for line in found] == users
    for line in found:
        alone = await service.recommendations(
            user_id=line["user_id"], k=4, exclude_item_ids=["i001"]
        )
        assert line["items"] == alone["items"]
        assert line["personalization"]["mode"] == alone["personalization"]["mode"]
    assert len({line["request_id"] for line in found}) == 3


async def test_many_users_come_in_the_order_that_was_asked(service: Service) -> None:
    users = [f"reader {n}" for n in range(2 * AT_ONCE + 1)]
    found = await lines(service, user_ids=users, k=1)
    assert [line["user_id"] for line in found] == users


async def test_nobody_gets_nothing(service: Service) -> None:
    assert await lines(service, user_ids=[]) == []


async def test_too_much_is_refused(service: Service) -> None:
    many = await service.send("POST", PATH, {"user_ids": ["u"] * 1001})
    assert (many.status_code, many.json()["errors"][0]["pointer"]) == (422, "/user_ids")
    assert (await service.send("POST", PATH, {"user_ids": ["u"], "k": 501})).status_code == 422


async def test_without_meta_weights_the_answer_is_a_problem_and_no_stream(
    unready: Service,
) -> None:
    assert (await unready.send("POST", PATH, {"user_ids": ["u"]})).status_code == 503


async def test_what_is_no_filter_is_said_before_the_first_line(service: Service) -> None:
    question = {"user_ids": ["a", "b"], "filter": {"field": "unheard-of", "eq": 1}}
    response = await service.send("POST", "/v1/recommendations/batch", question)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/filter/field"
