"""A candidate is better where it ranks better for people whom neither version knows."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import torch

from app.engine.engine import Engine
from app.engine.snapshot import Snapshot
from app.services.trial import FEWEST_PEOPLE, Trial, compare
from models.weights import MetaWeights
from tests.generated import generated_ids, save_generated

IDS = generated_ids()


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=64, queue_limit=4_096)
    engine.start()
    yield engine
    await engine.close()


@pytest.fixture
def plain(tmp_path: Path) -> MetaWeights:
    return save_generated(tmp_path)


@pytest.fixture
def wise(plain: MetaWeights) -> MetaWeights:
    """Knows that people like items of one parity."""
    vectors = torch.zeros_like(plain.slow["item_vectors"])
    vectors[torch.arange(len(IDS)), torch.arange(len(IDS)) % 2] = 3.0
    slow = {**plain.slow, "item_vectors": vectors, "caution": torch.zeros(51)}
    return replace(plain, slow=slow, manifest=replace(plain.manifest, version="0" * 12))


def people(number: int) -> list[list[str]]:
    """Each likes twelve items of one parity."""
    return [[IDS[2 * ((n + 7 * step) % 30) + n % 2] for step in range(12)] for n in range(number)]


async def snapshots(engine: Engine, *versions: MetaWeights) -> list[Snapshot]:
    return [await engine.prepare(one, now=0) for one in versions]


async def test_who_knows_more_is_better(
    engine: Engine, plain: MetaWeights, wise: MetaWeights
) -> None:
    old, new = await snapshots(engine, plain, wise)
    found = await compare(engine, old, new, people(80))
    assert found.people == 80
    assert found.candidate[5] > found.serving[5]
    assert found.low > 0
    assert 0 < found.moved <= 1
    assert found.verdict == "better"
    back = await compare(engine, new, old, people(80))
    assert back.verdict == "not better"
    assert back.gain == pytest.approx(-found.gain, abs=1e-5)


async def test_equal_is_not_better(engine: Engine, plain: MetaWeights) -> None:
    old, new = await snapshots(engine, plain, plain)
    found = await compare(engine, old, new, people(60))
    assert (found.gain, found.moved, found.verdict) == (0.0, 0.0, "not better")


async def test_few_people_decide_nothing(
    engine: Engine, plain: MetaWeights, wise: MetaWeights
) -> None:
    old, new = await snapshots(engine, plain, wise)
    found = await compare(engine, old, new, people(FEWEST_PEOPLE - 1))
    assert found.verdict.startswith("undecided: 49")
    nobody = await compare(engine, old, new, [["i001"], []])
    assert nobody == Trial(0, {}, {}, 0.0, 0.0, 0.0, 0.0)


async def test_shots_that_nobody_has_are_not_told(
    engine: Engine, plain: MetaWeights, wise: MetaWeights
) -> None:
    old, new = await snapshots(engine, plain, wise)
    found = await compare(engine, old, new, [history[:7] for history in people(60)])
    assert set(found.serving) == set(found.candidate) == {1, 3}
