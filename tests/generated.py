"""Generated meta-weights for tests that need a model but not a good one."""

from pathlib import Path

import torch

from models import weights as meta_weights
from models.algorithms.ranking import MEMORIES
from models.weights import Facts, MetaWeights

STEPS, NEGATIVES = 2, 32


def generated_slow(items: int = 60, width: int = 8, seed: int = 0) -> dict[str, torch.Tensor]:
    """Slow weights of the ranking head over `items` items: clear popularity, random vectors."""
    generator = torch.Generator().manual_seed(seed)
    popularity = torch.linspace(-1.0, -6.0, items)
    chances = popularity.exp() / popularity.exp().sum()
    negatives = torch.multinomial(chances, NEGATIVES, replacement=True, generator=generator)
    gate = torch.ones(51)
    gate[0] = 0.0
    return {
        "item_vectors": torch.randn(items, width, generator=generator) / width**0.5,
        "item_biases": popularity.clone(),
        "popularity": popularity,
        "initial_head": torch.zeros(width),
        "steps": torch.ones(STEPS, width),
        "rho": torch.tensor(0.5),
        "pull": torch.full((width,), -4.0),
        "threshold": torch.tensor(0.0),
        "gate": gate,
        "caution": torch.full((51,), 0.5),
        "prior_weight": torch.ones(51),
        "reach": torch.ones(51),
        "profile_map": torch.zeros(0, width),
        **generated_memories(items),
        "negatives": negatives,
        "negative_log_q": (NEGATIVES * chances[negatives]).log(),
    }


def generated_memories(items: int) -> dict[str, torch.Tensor]:
    """Memories in which every item brings the one before it to mind; nothing for features."""
    before = torch.arange(items, dtype=torch.int32).roll(1)[:, None]
    memories: dict[str, torch.Tensor] = {}
    for name in MEMORIES:
        rows = before[:0] if name == "profile" else before
        memories[f"{name}_items"] = rows.clone()  # a file of tensors shares no memory
        memories[f"{name}_values"] = torch.ones(rows.shape)
        memories[f"{name}_weight"] = torch.full((51,), 0.1)
    return memories


def generated_ids(items: int = 60) -> tuple[str, ...]:
    return tuple(f"i{n:03d}" for n in range(items))


def save_generated(directory: Path, *, items: int = 60, seed: int = 0) -> MetaWeights:
    """A version of generated meta-weights on disk, as training would leave it."""
    facts = Facts(
        algorithm="meta-sgd",
        retrieval="dot",
        steps=STEPS,
        split={},
        data={},
        config={},
        metrics={},
    )
    slow, ids = generated_slow(items, seed=seed), generated_ids(items)
    return meta_weights.load(directory, meta_weights.save(directory, slow, ids, facts).version)
