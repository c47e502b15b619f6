"""Several tables by shots, looked up together."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.algorithms.interface import Slow


@dataclass(frozen=True, slots=True)
class Tables:
    """T of the tables of a ranking head."""

    values: Tensor
    """[T, 51]"""

    @classmethod
    def of(cls, slow: Slow, names: Sequence[str]) -> "Tables":
        nothing = slow["gate"].new_empty(0, len(slow["gate"]))
        return cls(torch.stack([slow[name] for name in names]) if names else nothing)

    def at(self, shots: Tensor) -> Tensor:
        """[T, B] as `models.algorithms.recall.at_shots` says of each, for shots [B]."""
        place = shots.to(self.values).clamp(0, self.values.shape[1] - 1)
        low, high = (
            self.values.index_select(1, whole.long()) for whole in (place.floor(), place.ceil())
        )
        return torch.lerp(low, high, place.frac())
