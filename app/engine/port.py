"""The device port: packed arrays and plain JSON in, packed arrays out, nothing of torch.

B entities, K support slots, F fast weights per entity, which are cached with the entity's gate, M
results. A batch is pinned to one (version, epoch); ranking it is a pure function, so a retry is
always safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.engine.filters import Filter
from app.engine.wishes import Wish

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RankBatch:
    version: str
    epoch: int
    support_items: Ints
    """[B, K] rows of the frozen item matrix; 0 where unused."""
    support_weights: Doubles
    """[B, K] signed event weights; 0 where unused."""
    profiles: tuple[Mapping[str, Any], ...]
    """B people's properties, as far as features are made of them."""
    fast: Floats
    """[B, F + 1] cached fast weights and gate; meaningful where `cached`."""
    cached: Bools
    """[B]"""
    excluded: tuple[Ints, ...]
    """For each entity the live rows that must not be returned."""
    candidates: tuple[Ints | None, ...]
    """For each entity the only live rows to rank, or None for the whole catalogue."""
    filters: tuple[Filter | None, ...]
    """What the properties of an item must be for it to come to each entity."""
    wishes: tuple[tuple[Wish, ...], ...]
    """What the shop adds to the scores for each entity."""
    results: int
    """M: how many results each entity gets."""


@dataclass(frozen=True, slots=True)
class RankedBatch:
    rows: Ints
    """[B, M] live rows, best first; -1 beyond the last result."""
    scores: Doubles
    """[B, M]"""
    fast: Floats
    """[B, F + 1] the fast weights and the gate that were scored with."""
    gates: Doubles
    """[B] how far each answer departs from popularity."""
    adapt_seconds: float
    rank_seconds: float
