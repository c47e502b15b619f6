"""Catalogues of any size: jittered copies of trained items, with all that hangs on them.

Copies keep the means and covariances of the trained rows (a smoothed bootstrap): a copied row is
moved by JITTER of a deviation, and drawn towards the mean to make up for it. What trained items
bring to mind of each other, copies bring to mind of each other's copies, as many as training keeps
in a catalogue of that size.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.domain import Item, Shot
from models import algorithms
from models.algorithms.memory import NEIGHBOURS
from models.config import RankerConfig
from models.smoke import smoke
from models.weights import MetaWeights

JITTER = 0.5
_KEPT = 10_000_000
"""Values that training keeps of one memory."""
_LEAST = 100
"""Partners of one item that it keeps in any catalogue."""

Picks = NDArray[np.int64]


def resampled(trained: MetaWeights, items: int, seed: int = 0) -> MetaWeights:
    """Meta-weights of that many items."""
    random = np.random.default_rng(seed)
    picks = _picks(len(trained.item_ids), items, random)
    algorithm = algorithms.trainable(trained.manifest.algorithm, RankerConfig())
    slow = dict(trained.slow)
    for name in sorted(algorithm.per_item):
        slow[name] = slow[name][torch.from_numpy(picks)]
    slow |= _jittered(slow, random)
    copies = _copies(picks, len(trained.item_ids))
    for name in [name for name in slow if name.endswith("_items")]:
        memory = name.removesuffix("_items")
        slow |= _brought(memory, slow, copies, items, random)
    slow |= algorithm.redraw(slow, torch.Generator().manual_seed(seed))
    width = len(str(items - 1))
    version = f"{trained.version[:6]}{items:x}"
    return MetaWeights(
        replace(trained.manifest, version=version, items=items, smoke=smoke(algorithm, slow)),
        slow,
        tuple(f"i{row:0{width}d}" for row in range(items)),
    )


def on_shelves(weights: MetaWeights, shares: Sequence[float], seed: int = 0) -> list[Item]:
    """Items with a property for each share, named for it: equal shelves of like items.

    Shelves follow the main direction of the item vectors as much as chance.
    """
    vectors = weights.slow["item_vectors"].double()
    _, _, main = torch.pca_lowrank(vectors[:20_000], q=1)
    along = (vectors @ main[:, 0]).numpy()
    noise = np.random.default_rng(seed).standard_normal(len(along))
    places = (along / along.std() + noise).argsort().argsort()
    counts = [round(1 / share) for share in shares]
    told: dict[tuple[int, ...], dict[str, str]] = {}
    items = []
    for item_id, place in zip(weights.item_ids, places.tolist(), strict=True):
        shelves = tuple(place * count // len(places) for count in counts)
        if shelves not in told:
            told[shelves] = {
                shelf_name(share): f"s{shelf}" for share, shelf in zip(shares, shelves, strict=True)
            }
        items.append(Item(item_id, told[shelves]))
    return items


def shelf_name(share: float) -> str:
    return f"shelf_of_{share:g}"


def histories(
    weights: MetaWeights, count: int, shots: int, seed: int = 1
) -> list[tuple[Shot, ...]]:
    """Half of each are items that the first brings to mind, the others are popular ones."""
    random = np.random.default_rng(seed)
    until = weights.slow["popularity"].double().exp().cumsum(0).numpy()
    near = weights.slow["cosine_items"]

    def popular(size: int) -> Picks:
        places: Picks = until.searchsorted(random.random(size) * until[-1])
        return places.clip(max=len(until) - 1)

    found = []
    for first in popular(count).tolist():
        kin = random.permutation(near[first].numpy())[: shots // 2]
        rows = dict.fromkeys([first, *kin.tolist(), *popular(4 * shots).tolist()])
        found.append(tuple(Shot(weights.item_ids[row], 1.0, 0) for row in list(rows)[:shots]))
    return found


def _picks(trained: int, items: int, random: np.random.Generator) -> Picks:
    """[N] the trained row of each item: all of them first, where there is room."""
    first = random.permutation(trained)[:items]
    return np.concatenate([first, random.integers(trained, size=items - len(first))])


def _jittered(slow: dict[str, Tensor], random: np.random.Generator) -> dict[str, Tensor]:
    """Vectors, biases and popularity moved together, as they belong together."""
    columns = [slow["item_vectors"], slow["item_biases"][:, None], slow["popularity"][:, None]]
    rows = torch.cat(columns, dim=1).numpy()
    mean, spread = rows.mean(0), np.cov(rows.T)
    root = np.linalg.cholesky(spread + 1e-6 * np.eye(len(spread))).astype(np.float32)
    moved = random.standard_normal(rows.shape, np.float32) @ root.T
    new = torch.from_numpy(mean + (1 - JITTER**2) ** 0.5 * (rows - mean) + JITTER * moved)
    vectors, biases, popularity = new[:, :-2], new[:, -2], new[:, -1]
    return {
        "item_vectors": vectors.contiguous(),
        "item_biases": biases.contiguous(),
        "popularity": popularity.contiguous(),
    }


def _copies(picks: Picks, trained: int) -> tuple[Picks, Picks, Picks]:
    """(items by trained row, where each trained row starts, how many it has)."""
    counts = np.bincount(picks, minlength=trained)
    return picks.argsort(kind="stable"), counts.cumsum() - counts, counts


def _brought(
    memory: str,
    slow: dict[str, Tensor],
    copies: tuple[Picks, Picks, Picks],
    items: int,
    random: np.random.Generator,
) -> dict[str, Tensor]:
    by_row, starts, counts = copies
    width = min(items, NEIGHBOURS, max(_LEAST, _KEPT // items))
    near = slow[f"{memory}_items"][:, :width].numpy()
    values = slow[f"{memory}_values"][:, :width].clone().numpy()
    chosen = (random.random(near.shape, np.float32) * counts[near]).astype(np.int32)
    mapped = by_row[np.minimum(starts[near] + chosen, len(by_row) - 1)].astype(np.int32)
    lost = counts[near] == 0
    mapped[lost], values[lost] = 0, 0
    return {
        f"{memory}_items": torch.from_numpy(mapped),
        f"{memory}_values": torch.from_numpy(values),
    }
