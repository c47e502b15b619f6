"""Newer items in the lists: what somebody's memory says of their kin counts for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.domain import Item, Shot
from app.engine.engine import Engine
from app.engine.request import RankRequest
from models import algorithms
from models.algorithms.scoring import personalise
from models.shapes import Support
from models.weights import MetaWeights
from tests.generated import generated_encoders, generated_ids, save_generated

IDS = generated_ids()
LIKED = (Shot(IDS[3], 1.0, 1), Shot(IDS[8], 1.0, 2))
FRESH = [Item("fresh-war", {"genre": "war"}), Item("fresh-art", {"genre": "art"}), Item("plain")]


@asynccontextmanager
async def started(weights: MetaWeights) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(weights, now=0), now=0)
    await engine.update_items(FRESH, 1, now=0)
    yield engine
    await engine.close()


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    """Trained items are of both genres in turn."""
    saved = save_generated(tmp_path, encoders=generated_encoders())
    size = generated_encoders().items.size
    width = saved.slow["item_vectors"].shape[1]
    taught = {
        "content_scale": torch.ones(size),
        "content_map": torch.zeros(size, width + 1),
        "content_columns": (torch.arange(len(IDS)) % 2).int().unsqueeze(1),
        "content_values": torch.ones(len(IDS), 1),
    }
    return replace(saved, slow={**saved.slow, **taught})


def placing(weights: MetaWeights, weight: float, shift: float) -> MetaWeights:
    tables = {
        "content_weight": torch.full((51,), weight),
        "content_shift": torch.full((51,), shift),
    }
    return replace(weights, slow={**weights.slow, **tables})


async def scores(engine: Engine, request: RankRequest) -> dict[str, float]:
    answer = await engine.rank(engine.pinned(), request, within=30)
    return {item.item_id: item.score for item in answer.items}


async def test_newer_items_are_placed_by_their_kin(weights: MetaWeights) -> None:
    request = RankRequest(shots=LIKED, k=100)
    async with started(placing(weights, 0.0, 0.0)) as engine:
        by_rows = await scores(engine, request)
    taught = placing(weights, 2.0, 0.5)
    async with started(taught) as engine:
        placed = await scores(engine, request)
        frozen = engine.pinned().frozen
    for trained in IDS:
        assert placed[trained] == by_rows[trained]
    algorithm = algorithms.get(taught.manifest.algorithm)
    support = Support(torch.tensor([[3, 8]]), torch.ones(1, 2, dtype=torch.float64))
    personal = personalise(algorithm, frozen.slow, support, frozen.unknown)
    items, values = algorithm.recollect(frozen.slow, personal, support, frozen.unknown)
    recalled = torch.zeros(1, len(IDS)).scatter_add(1, items, values.float())
    content = frozen.encoders.items.encode([item.properties for item in FRESH])
    kin = algorithm.kin(frozen.slow, content)
    expected = algorithm.recollect_newer(
        frozen.slow, personal, kin.mean(recalled), kin.shares.sum(1), None
    )
    moved = [placed[item.item_id] - by_rows[item.item_id] for item in FRESH]
    assert moved == pytest.approx(expected[0].tolist(), abs=1e-4)
    assert moved[2] == 0
    assert min(map(abs, moved[:2])) > 0.1


async def test_a_short_list_of_candidates_scores_them_alike(weights: MetaWeights) -> None:
    async with started(placing(weights, 2.0, 0.5)) as engine:
        everything = await scores(engine, RankRequest(shots=LIKED, k=100))
        few = ["fresh-art", "fresh-war", "plain", *IDS[:4]]
        some = await scores(engine, RankRequest(shots=LIKED, k=100, candidates=few))
    assert some == pytest.approx({item_id: everything[item_id] for item_id in few}, abs=1e-6)


async def test_everyones_list_holds_them_at_the_same_score(weights: MetaWeights) -> None:
    async with started(placing(weights, 2.0, 0.5)) as engine:
        prior = await scores(engine, RankRequest(shots=(), k=100))
        popular = dict(engine.pinned().popular)
    assert popular == pytest.approx(prior, abs=1e-4)
