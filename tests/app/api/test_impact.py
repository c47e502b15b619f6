"""From a list to what it was worth, through the real service."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from app.domain import Arm, Entity, Namespace, Scope
from app.settings import ExperimentSettings
from tests.app.api.conftest import Service, make_settings, serve
from tests.app.api.test_metrics import Growth, samples
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def halved(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    async with serve(make_settings(state, experiment=ExperimentSettings(holdout=0.5))) as served:
        yield served


def someone_of(service: Service, namespace: Namespace, arm: Arm) -> str:
    experiment = service.runtime.parts.policy.experiment
    while True:
        id_ = uuid4().hex
        if experiment.arm(Entity(namespace, id_)) == arm:
            return id_


async def shown(service: Service, k: int, **who: str) -> dict[str, Any]:
    """A list, all items of which are seen, and the first of which is clicked."""
    response = await service.send("POST", "/v1/recommendations", {"k": k, **who})
    listed: dict[str, Any] = response.json()
    told = {**who, "request_id": listed["request_id"]}
    await service.events(
        *(
            {"type": "impression", "item_id": item["item_id"], "position": place, **told}
            for place, item in enumerate(listed["items"])
        ),
        {"type": "click", "item_id": listed["items"][0]["item_id"], "position": 0, **told},
    )
    return listed


async def impact(service: Service, **asked: Any) -> dict[str, Any]:
    response = await service.client.get(
        "/v1/admin/impact", params=asked, headers=service.by(Scope.ADMIN)
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_the_whole_story(halved: Service) -> None:
    before = await samples(halved)
    treated = someone_of(halved, Namespace.USER, "treatment")
    held = someone_of(halved, Namespace.USER, "holdout")
    for person in (treated, held):
        await shown(halved, 4, user_id=person)
        await shown(halved, 10, user_id=person)
    found = await impact(halved)
    assert (found["complete"], found["lists"], found["events"]) == (True, 4, 32)
    counts = {
        group: {name: (one["impressions"], one["clicks"]) for name, one in found[group].items()}
        for group in ("by_mode", "by_arm", "by_support")
    }
    assert counts == {
        "by_mode": {"prior": (18, 3), "adapted": (10, 1)},
        "by_arm": {"treatment": (14, 2), "holdout": (14, 2)},
        "by_support": {"0": (18, 3), "1": (10, 1)},
    }
    assert found["total"]["click_rate"] == {"value": 0.1429, "low": 0.057, "high": 0.3149}
    assert found["gain"]["value"] == 0
    grown = Growth(before, await samples(halved))
    adapted = {"mode": "adapted", "arm": "treatment", "support": "1"}
    assert grown("thaw_impressions_total", **adapted) == 10
    for outcome in ("click", "positive"):
        assert grown("thaw_outcomes_total", outcome=outcome, **adapted) == 1
    held_out = {"mode": "prior", "arm": "holdout", "support": "0"}
    assert grown("thaw_impressions_total", **held_out) == 14


async def test_repetitions_forgeries_and_lists_of_others_do_not_count(service: Service) -> None:
    one, other = uuid4().hex, uuid4().hex
    listed = await shown(service, 3, user_id=one)
    first = await impact(service)
    before = await samples(service)
    item_id = listed["items"][0]["item_id"]
    own, forged = listed["request_id"], listed["request_id"][:-2] + "xx"
    told = [
        {"user_id": one, "request_id": own},
        {"user_id": one, "request_id": forged},
        {"user_id": one, "request_id": "my-own"},
        {"user_id": other, "request_id": own},
        {"anonymous_id": one, "request_id": own},
    ]
    click = {"type": "click", "item_id": item_id}
    await service.events(
        *({**click, **event, "event_id": f"click-{number}"} for number, event in enumerate(told))
    )
    second = await impact(service)
    assert second["total"] == first["total"]
    assert (second["forged"], second["foreign"]) == (first["forged"] + 2, first["foreign"] + 2)
    grown = Growth(before, await samples(service))
    prior = {"mode": "prior", "arm": "treatment", "support": "0"}
    assert grown("thaw_outcomes_total", outcome="click", **prior) == 1


async def test_who_crosses_over_by_signing_in_is_left_out(halved: Service) -> None:
    member = someone_of(halved, Namespace.USER, "treatment")
    guest = someone_of(halved, Namespace.ANON, "holdout")
    before = await impact(halved)
    await shown(halved, 3, anonymous_id=guest)
    await shown(halved, 3, user_id=member)
    between = await impact(halved)
    assert between["total"]["impressions"] == before["total"]["impressions"] + 6
    await halved.send("POST", f"/v1/users/{member}/merge", {"from": guest})
    after = await impact(halved)
    assert after["total"] == before["total"]
    assert (before["crossovers"], after["crossovers"]) == (0, 1)


async def test_only_the_last_days_count(service: Service, someone: str) -> None:
    listed = await service.recommendations(user_id=someone)
    before = await impact(service, days=1), await impact(service, days=30)
    when = (await impact(service))["until"] - 2 * 86_400_000
    seen = {"type": "impression", "user_id": someone, "request_id": listed["request_id"]}
    await service.events({**seen, "item_id": listed["items"][0]["item_id"], "timestamp": when})
    after = await impact(service, days=1), await impact(service, days=30)
    grown = [
        late["total"]["impressions"] - early["total"]["impressions"]
        for early, late in zip(before, after, strict=True)
    ]
    assert grown == [0, 1]


@pytest.mark.parametrize("days", ["0", "401", "soon"])
async def test_days_are_a_number_within_the_retention(service: Service, days: str) -> None:
    response = await service.client.get(
        "/v1/admin/impact", params={"days": days}, headers=service.by(Scope.ADMIN)
    )
    assert response.status_code == 422
