"""Items that go with an item, and people whom it would please."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import torch

from models import weights as meta_weights
from models.weights import Facts
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import generated_encoders, generated_ids, save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = generated_ids()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Trained items are of the genres war and art in turn; two are new."""
    state = tmp_path_factory.mktemp("var")
    weights = save_generated(state / "elsewhere", encoders=generated_encoders())
    size, width = generated_encoders().items.size, weights.slow["item_vectors"].shape[1]
    told = [{"genre": ("war", "art")[n % 2]} for n in range(len(IDS))]
    known = generated_encoders().items.encode(told)
    genre = known.columns[:, 0]
    vectors = torch.zeros(len(IDS), width)
    vectors[torch.arange(len(IDS)), genre] = 2.0
    slow = {
        **weights.slow,
        "item_vectors": vectors,
        "content_scale": torch.ones(size),
        "content_map": torch.zeros(size, width + 1),
        "content_columns": known.columns.int(),
        "content_values": known.values,
        "content_weight": torch.ones(51),
    }
    slow["content_map"][:2, :2] = 2.0 * torch.eye(2)
    manifest = weights.manifest
    facts = Facts(
        algorithm=manifest.algorithm,
        retrieval=manifest.retrieval,
        steps=manifest.steps,
        split={},
        data=manifest.data,
        config={"side": "user"},
        metrics={},
        features=manifest.features,
    )
    meta_weights.save(state / "weights", slow, IDS, facts)
    async with serve(make_settings(state)) as served:
        for item_id, genre_ in (("fresh-war", "war"), ("fresh-art", "art")):
            await served.send("PUT", f"/v1/items/{item_id}", {"properties": {"genre": genre_}})
        for n in range(12):
            liked = [IDS[n % 2 + 2 * (n + shift)] for shift in range(3)]
            await served.events(
                *({"type": "like", "user_id": f"u{n:02d}", "item_id": one} for one in liked)
            )
        yield served


async def similar(service: Service, item_id: str, k: int = 5) -> list[str]:
    response = await service.send("GET", f"/v1/items/{item_id}/similar?k={k}")
    assert response.status_code == 200, response.text
    assert response.json()["item_id"] == item_id
    return [item["item_id"] for item in response.json()["items"]]


async def test_items_go_with_items_that_the_same_people_like(service: Service) -> None:
    found = await similar(service, "i010")
    assert "i010" not in found
    assert {int(item_id[1:]) % 2 for item_id in found if item_id in IDS} == {0}


async def test_a_new_item_goes_with_what_it_is_like(service: Service) -> None:
    for item_id, parity in (("fresh-war", 0), ("fresh-art", 1)):
        found = await similar(service, item_id)
        assert {int(one[1:]) % 2 for one in found if one in IDS} == {parity}


async def test_the_audience_of_a_new_item_is_who_likes_its_kind(service: Service) -> None:
    named = [f"u{n:02d}" for n in range(12)]
    for item_id, parity in (("fresh-war", 0), ("fresh-art", 1)):
        response = await service.send(
            "POST", f"/v1/items/{item_id}/audience", {"k": 6, "candidate_user_ids": named}
        )
        answer = response.json()
        assert {int(user["user_id"][1:]) % 2 for user in answer["users"]} == {parity}
        assert [user["rank"] for user in answer["users"]] == [1, 2, 3, 4, 5, 6]
        assert (answer["considered"], answer["sampled"]) == (12, False)


async def test_who_has_met_it_is_no_audience(service: Service) -> None:
    await service.events({"type": "click", "user_id": "u01", "item_id": "fresh-art"})
    response = await service.send("POST", "/v1/items/fresh-art/audience", {"k": 50})
    answer = response.json()
    users = {user["user_id"] for user in answer["users"]}
    assert users == {f"u{n:02d}" for n in range(12)} - {"u01"}
    assert (answer["considered"], answer["sampled"]) == (12, True)


async def test_a_share_is_that_of_all_that_interests_somebody(service: Service) -> None:
    """Shares of all items add up to one for each person."""
    pinned = service.runtime.parts.engine.pinned()
    total = 0.0
    for item_id in pinned.ids:
        response = await service.send(
            "POST", f"/v1/items/{item_id}/audience", {"candidate_user_ids": ["nobody"]}
        )
        if item_id in IDS:
            total += 2.718281828459045 ** response.json()["users"][0]["score"]
    assert total == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(("method", "rest"), [("GET", "similar"), ("POST", "audience")])
async def test_an_unknown_item_is_not_found(service: Service, method: str, rest: str) -> None:
    response = await service.send(method, f"/v1/items/unheard-of/{rest}", b"{}")
    assert response.status_code == 404
