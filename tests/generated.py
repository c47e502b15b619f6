"""Generated meta-weights for tests that need a model but not a good one."""

from pathlib import Path

import polars as pl
import torch

from models import weights as meta_weights
from models.algorithms.memory import Rows
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.ranking import MEMORIES
from models.config import RankerConfig, Side
from models.encoders import Encoders
from models.features import Encoder
from models.weights import Facts, MetaWeights

STEPS, NEGATIVES = 2, 32
TOWNS = ("Oslo", "Rome", "Cairo")


def generated_slow(
    items: int = 60, width: int = 8, seed: int = 0, features: int = 0
) -> dict[str, torch.Tensor]:
    """Slow weights of the ranking head over `items` items: clear popularity, random vectors.

    Each of the user features shifts the prior somewhere else, and where there are any the gate is
    half open for somebody who has done nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    popularity = torch.linspace(-1.0, -6.0, items)
    vectors = torch.randn(items, width, generator=generator) / width**0.5
    config = RankerConfig(dimension=width, steps=STEPS, step_size=1.0, negatives=NEGATIVES)
    memories = {name: _memory(items, features, name) for name in MEMORIES}
    gate = torch.ones(51)
    gate[0] = 0.5 if features else 0.0
    return {
        **MetaSGD(config).assembled(vectors, popularity, memories, seed),
        **{f"{name}_weight": torch.full((51,), 0.1) for name in MEMORIES},
        "caution": torch.full((51,), 0.0 if features else 0.5),
        "gate": gate,
        "profile_map": 3 * torch.randn(features, width, generator=generator),
    }


def _memory(items: int, features: int, name: str) -> Rows:
    """Every item brings the one before it to mind, and every feature an item of its own."""
    before = torch.arange(items, dtype=torch.int32).roll(1)[:, None].clone()
    rows = before[:features].clone() if name == "profile" else before
    return rows, torch.ones(rows.shape)


def generated_tastes(items: int = 60, width: int = 8) -> dict[str, torch.Tensor]:
    """Slow weights that say of items whether their numbers are even, and that what first users of
    a new one know beside it tells which it is like.
    """
    slow = generated_slow(items, width)
    sides = torch.where(torch.arange(items) % 2 == 0, 1.0, -1.0).unsqueeze(1)
    return {
        "item_vectors": sides + 0.1 * slow["item_vectors"],
        "company_map": torch.eye(width),
        "company_mean": torch.zeros(width),
        "company_base": torch.zeros(width),
        "company_doubt": torch.tensor(2.0),
        "company_weight": torch.full((51,), 0.5),
        "company_shift": torch.full((51,), 0.1),
    }


def generated_encoders() -> Encoders:
    """People have a town or none, items a genre; nothing else counts."""
    people = pl.DataFrame({"user_id": [str(n) for n in range(40)], "town": [*TOWNS, None] * 10})
    items = pl.DataFrame({"item_id": [str(n) for n in range(40)], "genre": ["war", "art"] * 20})
    return Encoders(Encoder.fit(people, "user_id"), Encoder.fit(items, "item_id"))


def generated_ids(items: int = 60) -> tuple[str, ...]:
    return tuple(f"i{n:03d}" for n in range(items))


def save_generated(
    directory: Path,
    *,
    items: int = 60,
    seed: int = 0,
    encoders: Encoders | None = None,
    interactions: int = 1_000,
    side: Side = "user",
    tastes: bool = False,
) -> MetaWeights:
    """A version of generated meta-weights on disk, as training would leave it."""
    facts = Facts(
        algorithm=MetaSGD.name,
        retrieval="dot",
        steps=STEPS,
        split={},
        data={"interactions": interactions},
        config={"side": side},
        metrics={},
        features=encoders.to_json() if encoders else None,
    )
    slow = generated_slow(items, seed=seed, features=encoders.users.size if encoders else 0)
    if tastes:
        slow |= generated_tastes(items)
    version = meta_weights.save(directory, slow, generated_ids(items), facts).version
    return meta_weights.load(directory, version)
