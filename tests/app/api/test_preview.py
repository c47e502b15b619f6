import pytest

from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/v1/recommendations/preview"


async def test_a_preview_is_what_the_events_would_do(service: Service, someone: str) -> None:
    like = {"type": "like", "item_id": "i003"}
    found = (await service.send("POST", PATH, {"events": [like], "k": 8})).json()
    assert (found["mode"], found["support"]) == ("adapted", 1)
    before = await service.recommendations(user_id=someone, k=8)
    await service.events({**like, "user_id": someone})
    after = await service.recommendations(user_id=someone, k=8)
    for told, seen in ((found["before"], before), (found["after"], after)):
        assert told == [
            {name: item[name] for name in ("item_id", "score", "rank")} for item in seen["items"]
        ]
    assert found["distance"] > 0
    assert {move["item_id"] for move in found["moved"]}


async def test_a_preview_stores_nothing(service: Service) -> None:
    epoch = service.runtime.parts.engine.epoch
    unheard_of = {"type": "like", "item_id": "never heard of"}
    found = (await service.send("POST", PATH, {"events": [unheard_of]})).json()
    assert (found["mode"], found["support"], found["moved"]) == ("prior", 0, [])
    assert service.runtime.parts.engine.epoch == epoch
    assert (await service.send("GET", "/v1/items/never%20heard%20of")).status_code == 404


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        ({"events": [{"type": "like", "item_id": "i1"}, {"type": "x", "item_id": "i1"}]}, "1/type"),
        ({"events": [{"type": "rating", "item_id": "i1", "value": 9}]}, "0/value"),
        ({"events": [{"type": "like", "item_id": "i1", "timestamp": 4e12}]}, "0/timestamp"),
    ],
)
async def test_events_that_would_be_rejected_are_errors(
    service: Service, question: dict[str, object], pointer: str
) -> None:
    refused = await service.send("POST", PATH, question)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"/events/{pointer}"


async def test_k_and_events_are_limited(service: Service) -> None:
    assert (await service.send("POST", PATH, {"k": 501})).status_code == 422
    events = [{"type": "like", "item_id": f"i{n}"} for n in range(51)]
    assert (await service.send("POST", PATH, {"events": events})).status_code == 422


async def test_without_meta_weights_there_is_no_preview(unready: Service) -> None:
    assert (await unready.send("POST", PATH, {})).status_code == 503
