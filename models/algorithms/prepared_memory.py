"""What the memories of a ranking head bring to mind, as it is served: prepared once, then fast.

Equal to `models.algorithms.ranking.Ranking.recollect` but for the rounding of single precision, in
which recollections are added to scores anyhow: most of their cost is memory that is walked through.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.likeness import weighed
from models.algorithms.ranking import MEMORIES
from models.algorithms.tables import Tables
from models.shapes import Features, Personal, Recollection, Support


class _Memory(NamedTuple):
    """Sparse rows over the items, one for each item or feature."""

    items: Tensor
    """[V, J] int32"""
    values: Tensor
    """[V, J] float32"""
    of_features: bool


class _Sources(NamedTuple):
    """What B entities ask a memory for."""

    rows: Tensor
    """[B, K] int64"""
    weights: Tensor
    """[B, K]"""


@dataclass(frozen=True, slots=True)
class PreparedMemory:
    memories: tuple[_Memory, ...]
    """Those that count at any number of shots, T of them."""
    weights: Tables
    profile_scale: Tensor
    profile_power: Tensor

    @classmethod
    def of(cls, slow: Slow) -> "PreparedMemory":
        used = [name for name in MEMORIES if slow[f"{name}_weight"].any()]
        memories = (
            _Memory(slow[f"{name}_items"], slow[f"{name}_values"], name == "profile")
            for name in used
        )
        weights = Tables.of(slow, [f"{name}_weight" for name in used])
        return cls(tuple(memories), weights, slow["profile_scale"], slow["profile_power"])

    def recollect(self, personal: Personal, support: Support, profile: Features) -> Recollection:
        """Of B entities, in float32."""
        asked = list(self._asked(personal, support, profile))
        width = sum(sources.rows.shape[1] * memory.items.shape[1] for memory, sources in asked)
        items = support.items.new_empty(len(support.items), width)
        scores = torch.empty(items.shape, device=items.device)
        start = 0
        for memory, (rows, weights) in asked:
            shape = (*rows.shape, memory.items.shape[1])
            room = slice(start, start := start + shape[1] * shape[2])
            others, values = (
                part.index_select(0, rows.flatten()).view(shape) for part in memory[:2]
            )
            torch.mul(values, weights.to(values).unsqueeze(-1), out=scores[:, room].view(shape))
            items[:, room].view(shape).copy_(others)
        return Recollection(items, scores)

    def _asked(
        self, personal: Personal, support: Support, profile: Features
    ) -> Iterator[tuple[_Memory, _Sources]]:
        """Each item of the support counts by its share of the shots times their root."""
        shots = personal.shots.clamp_min(torch.finfo(personal.shots.dtype).tiny)
        liked = _Sources(support.items, support.weights * shots.rsqrt().unsqueeze(-1))
        weights = (self.weights.at(personal.shots) * personal.gate).unsqueeze(-1)
        for memory, weight in zip(self.memories, weights, strict=True):
            if not memory.of_features:
                yield memory, _Sources(liked.rows, liked.weights * weight)
            elif profile.columns.shape[1]:
                told = weighed(profile, self.profile_scale, self.profile_power)
                yield memory, _Sources(told.columns, told.values * weight)
