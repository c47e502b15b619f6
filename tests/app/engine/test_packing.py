"""What a request becomes before it goes to the device."""

import pytest
import torch

from app.domain import Shot
from app.engine.engine import Engine
from app.engine.packing import pack
from app.engine.request import RankRequest
from models.weights import MetaWeights

SHOTS = (
    Shot("i010", 2.0, 5),
    Shot("i030", -1.0, 6),
    Shot("elsewhere", -1.0, 7),
    Shot("i020", -0.1, 8),
)


@pytest.fixture
def weights(weights: MetaWeights) -> MetaWeights:
    """For which training found that a dislike weighs half of what is told."""
    slow = weights.slow | {"dislike_weight": torch.tensor(0.5)}
    return MetaWeights(weights.manifest, slow, weights.item_ids)


async def test_dislikes_weigh_what_training_found(engine: Engine) -> None:
    batch = pack(engine.pinned(), [RankRequest(shots=SHOTS, k=1), RankRequest(shots=(), k=5)])
    assert batch.support_items.tolist() == [[10, 30, 20], [0, 0, 0]]
    assert batch.support_weights.tolist() == [[2.0, -0.5, -0.05], [0.0, 0.0, 0.0]]
    assert batch.results == 5


async def test_a_list_follows_from_what_dislikes_weigh(engine: Engine) -> None:
    told, doubled = [
        await engine.rank(engine.pinned(), RankRequest(shots=(shot,), k=60), within=5.0)
        for shot in (Shot("i030", -1.0, 5), Shot("i030", -2.0, 5))
    ]
    assert (told.gate, doubled.gate) == (0.5, 1.0)
    assert told.fast != doubled.fast
