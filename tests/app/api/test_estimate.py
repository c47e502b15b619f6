"""What other meta-weights would earn, through the real service."""

from pathlib import Path
from typing import Any

from app.domain import Scope
from app.services.estimate import FEWEST_LISTS
from app.stores.explored import WAITING_LIMIT
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import generated_ids, save_generated

ITEMS = generated_ids()
LISTS = FEWEST_LISTS + 3 * WAITING_LIMIT
LIKED = frozenset(ITEMS[::3])
"""Whatever the list, everybody clicks these."""


async def estimated(service: Service, version: str) -> dict[str, Any]:
    path = f"/v1/admin/weights/{version}/estimate"
    response = await service.send("GET", path, scope=Scope.ADMIN)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def explore(service: Service, people: int, **question: Any) -> None:
    """Some people, who did something before, get a list each, see all and click some of it."""
    for number in range(people):
        user_id = f"u{number}"
        await service.events(
            {"type": "like", "user_id": user_id, "item_id": ITEMS[number % len(ITEMS)]}
        )
        listed = await service.recommendations(
            user_id=user_id, k=3, exploration=1.0, seed=number, **question
        )
        told = {"user_id": user_id, "request_id": listed["request_id"]}
        item_ids = [item["item_id"] for item in listed["items"]]
        seen = [{"type": "impression", "item_id": one, **told} for one in item_ids]
        clicked = [{"type": "click", "item_id": one, **told} for one in item_ids if one in LIKED]
        await service.events(*seen, *clicked)
        if number % WAITING_LIMIT == WAITING_LIMIT - 1:
            await service.runtime.parts.explored.flush()


async def test_the_whole_story(tmp_path: Path) -> None:
    other = save_generated(tmp_path / "weights", seed=1).version
    serving = save_generated(tmp_path / "weights").version
    async with serve(make_settings(tmp_path)) as service:
        nothing = await estimated(service, serving)
        assert (nothing["lists"], nothing["click_rate"]) == (0, None)
        assert '"exploration": 0.5' in nothing["undecided"]
        await explore(service, LISTS)
        await service.recommendations(user_id="u1", k=3)  # not by chance, so of no use here
        own, others = await estimated(service, serving), await estimated(service, other)
        assert service.runtime.parts.engine.pinned().version == serving
    assert own["lists"] == others["lists"] == own["people"] == LISTS
    assert own["impressions"] == own["effective_impressions"] == 3 * LISTS
    assert (own["mean_weight"], own["clipped"], own["undecided"]) == (1.0, 0.0, None)
    assert own["click_rate"]["value"] == own["observed_click_rate"]["value"]
    assert own["click_rate"] == own["positive_rate"]
    assert others["observed_click_rate"] == own["observed_click_rate"]
    assert others["effective_impressions"] < own["effective_impressions"]
    rate = others["click_rate"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert rate != own["click_rate"]


async def test_boosts_are_in_force_again_and_what_is_gone_is_left_out(tmp_path: Path) -> None:
    serving = save_generated(tmp_path / "weights").version
    async with serve(make_settings(tmp_path)) as service:
        items = [{"item_id": one, "properties": {"shelf": "top"}} for one in ITEMS[:20]]
        await service.send("PUT", "/v1/items", {"items": items})
        boost = {"filter": {"field": "shelf", "eq": "top"}, "factor": 5}
        await explore(service, WAITING_LIMIT, boosts=[boost])
        told = await estimated(service, serving)
        assert (told["lists"], told["mean_weight"]) == (WAITING_LIMIT, 1.0)
        for one in ITEMS:
            await service.send("DELETE", f"/v1/items/{one}")
        told = await estimated(service, serving)
        assert (told["lists"], told["gone"]) == (0, WAITING_LIMIT)


async def test_a_version_that_is_not_there_is_404(tmp_path: Path) -> None:
    save_generated(tmp_path / "weights")
    async with serve(make_settings(tmp_path)) as service:
        path = "/v1/admin/weights/0123456789ab/estimate"
        assert (await service.send("GET", path, scope=Scope.ADMIN)).status_code == 404
