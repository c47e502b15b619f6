"""What is known of people becomes their prior."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import torch

from app.domain import Shot
from app.engine.engine import Engine
from app.engine.request import Ranked, RankRequest
from models import algorithms
from models.algorithms.scoring import score_items
from models.shapes import Support
from models.weights import MetaWeights
from tests.generated import TOWNS, generated_encoders, save_generated

PEOPLE: list[dict[str, str]] = [{}, *({"town": town} for town in TOWNS), {"town": "Atlantis"}]
LIKED = (Shot("i010", 1.0, 5), Shot("i030", 1.0, 6))


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    return save_generated(tmp_path, encoders=generated_encoders())


@pytest_asyncio.fixture
async def engine(weights: MetaWeights) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(weights, now=0), now=0)
    yield engine
    await engine.close()


async def ranked(engine: Engine, request: RankRequest) -> Ranked:
    return await engine.rank(engine.pinned(), request, within=30.0)


def expected(weights: MetaWeights, town: dict[str, str]) -> dict[str, float]:
    """By the library, in double precision."""
    algorithm = algorithms.get(weights.manifest.algorithm)
    slow = {
        name: value.double() if value.is_floating_point() else value
        for name, value in weights.slow.items()
    }
    nothing = Support(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1).double())
    profile = generated_encoders().users.encode([town])
    scores = score_items(algorithm, slow, algorithm.item_rows(slow), nothing, profile)
    return dict(zip(weights.item_ids, scores[0].tolist(), strict=True))


@pytest.mark.parametrize("person", PEOPLE)
async def test_a_profile_makes_the_prior_of_the_library(
    engine: Engine, weights: MetaWeights, person: dict[str, str]
) -> None:
    answer = await ranked(engine, RankRequest(shots=(), k=60, profile=person))
    assert (answer.mode, answer.support, answer.steps, answer.gate) == ("prior", 0, 0, 0.5)
    assert answer.fast is None
    scores = expected(weights, person)
    for item in answer.items:
        assert item.score == pytest.approx(scores[item.item_id], abs=1e-5)


async def test_every_profile_has_a_list_of_its_own_before_and_after_adapting(
    engine: Engine,
) -> None:
    for shots in ((), LIKED):
        answers = [
            await ranked(engine, RankRequest(shots=shots, k=10, profile=person))
            for person in PEOPLE
        ]
        assert len({answer.items for answer in answers}) == len(PEOPLE)
        assert len({answer.fast for answer in answers}) == (len(PEOPLE) if shots else 1)


async def test_a_list_does_not_depend_on_the_profiles_it_rides_with(engine: Engine) -> None:
    requests = [
        RankRequest(shots=shots, k=20, profile=person) for shots in ((), LIKED) for person in PEOPLE
    ]
    alone = [await ranked(engine, request) for request in requests]
    together = await asyncio.gather(*(ranked(engine, request) for request in requests))
    assert [one.items for one in together] == [one.items for one in alone]
    assert [one.fast for one in together] == [one.fast for one in alone]


async def test_cached_fast_weights_of_a_profile_give_the_same_list(engine: Engine) -> None:
    request = RankRequest(shots=LIKED, k=20, profile={"town": "Rome"})
    first = await ranked(engine, request)
    again = RankRequest(shots=LIKED, k=20, profile={"town": "Rome"}, fast=first.fast)
    assert (await ranked(engine, again)).items == first.items


async def test_a_stranger_gets_what_everyone_gets(engine: Engine) -> None:
    answer = await ranked(engine, RankRequest(shots=(), k=60))
    popular = engine.pinned().popular
    assert [item.item_id for item in answer.items] == [item_id for item_id, _ in popular]
    assert [item.score for item in answer.items] == pytest.approx(
        [score for _, score in popular], abs=1e-5
    )
    assert engine.pinned().frozen.gate == answer.gate


async def test_only_what_features_are_made_of_is_a_profile(engine: Engine) -> None:
    frozen = engine.pinned().frozen
    assert frozen.profile({"name": "Ann", "town": "Rome", "age": 3}) == {"town": "Rome"}
    assert frozen.profile({"name": "Ann"}) == {}
    assert frozen.content({"genre": None, "town": "Rome"}) == {"genre": None}


async def test_features_without_their_slow_weights_are_refused(
    engine: Engine, weights: MetaWeights
) -> None:
    fewer = {**weights.slow, "profile_map": weights.slow["profile_map"][:-1]}
    damaged = MetaWeights(weights.manifest, fewer, weights.item_ids)
    with pytest.raises(IndexError):
        await engine.prepare(damaged, now=0)


def test_the_profiles_differ_in_what_they_say() -> None:
    encoded = generated_encoders().users.encode(PEOPLE)
    assert len({tuple(row) for row in encoded.columns.tolist()}) == len(PEOPLE)
