"""The holdout, and what request ids tell, through the real service."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from app.domain import Arm, Entity, Namespace
from app.services.receipt import Receipt, read, whose
from app.settings import ExperimentSettings
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def halved(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service whose holdout is half of all people."""
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    async with serve(make_settings(state, experiment=ExperimentSettings(holdout=0.5))) as served:
        yield served


def someone_of(service: Service, arm: Arm) -> str:
    experiment = service.runtime.parts.policy.experiment
    while True:
        user_id = uuid4().hex
        if experiment.arm(Entity(Namespace.USER, user_id)) == arm:
            return user_id


def receipt_of(service: Service, answer: dict[str, Any]) -> Receipt | None:
    return read(service.runtime.parts.signing_key.value, answer["request_id"])


async def test_the_holdout_gets_the_prior_whatever_it_does(halved: Service) -> None:
    held, treated = someone_of(halved, "holdout"), someone_of(halved, "treatment")
    stranger = await halved.recommendations(user_id=held, k=60)
    for user_id in (held, treated):
        await halved.events({"type": "view", "user_id": user_id, "item_id": "i003"})
        await halved.events({"type": "like", "user_id": user_id, "item_id": "i001"})
    answers = [await halved.recommendations(user_id=user_id, k=60) for user_id in (held, treated)]
    told = [answer["personalization"] for answer in answers]
    assert [one["arm"] for one in told] == ["holdout", "treatment"]
    assert [one["mode"] for one in told] == ["prior", "adapted"]
    assert [one["support"] for one in told] == [0, 2]
    lists = [[item["item_id"] for item in answer["items"]] for answer in answers]
    expected = [item["item_id"] for item in stranger["items"] if item["item_id"] != "i001"]
    assert lists[0] == expected != lists[1]


async def test_a_request_id_tells_how_the_list_came_about(service: Service, someone: str) -> None:
    await service.events({"type": "like", "user_id": someone, "item_id": "i001"})
    answer = await service.recommendations(user_id=someone)
    receipt = receipt_of(service, answer)
    assert receipt is not None
    told = answer["personalization"]
    assert (receipt.mode, receipt.arm, receipt.support) == ("adapted", "treatment", 1)
    assert (receipt.version, receipt.epoch) == (told["weights_version"], answer["catalogue_epoch"])
    assert receipt.issuer == whose(Entity(Namespace.USER, someone))
    assert receipt.issued_at == pytest.approx(told["adapted_at"] / 1000, abs=60)


async def test_lines_of_a_batch_have_request_ids_of_their_own_people(service: Service) -> None:
    response = await service.send("POST", "/v1/recommendations/batch", {"user_ids": ["a", "b"]})
    issuers = [
        receipt.issuer
        for line in response.text.splitlines()
        if (receipt := receipt_of(service, json.loads(line)))
    ]
    assert issuers == [whose(Entity(Namespace.USER, name)) for name in ("a", "b")]


async def test_all_processes_on_a_database_sign_alike(service: Service) -> None:
    async with serve(service.runtime.settings) as another:
        answer = await another.recommendations(user_id="anyone")
        assert receipt_of(service, answer) is not None
