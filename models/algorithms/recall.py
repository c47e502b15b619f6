"""Look up what shots, sparse features or a support name in the tables of a ranking head."""

import torch
from torch import Tensor
from torch.nn.functional import embedding

from models.algorithms.interface import Slow
from models.shapes import Features, Recollection


def at_shots(slow: Slow, table: str, shots: Tensor) -> Tensor:
    """[B] values of a table by shots; between whole numbers of shots they are interpolated."""
    values = slow[table]
    place = shots.to(values).clamp(0, len(values) - 1)
    low, high = place.floor().long(), place.ceil().long()
    return torch.lerp(values[low], values[high], place - low)


def weighted_rows(features: Features, table: Tensor) -> Tensor:
    """[B, d] sum of the rows of `table` [V, d] that the features name, by their values."""
    values = features.values.to(table)
    return torch.einsum("bj,bjd->bd", values, embedding(features.columns, table))


def recall(slow: Slow, memory: str, sources: Tensor, weights: Tensor) -> Recollection:
    """The rows of a memory that `sources` [B, K] name, by their `weights` [B, K]."""
    values = slow[f"{memory}_values"][sources] * weights.to(slow["gate"].dtype).unsqueeze(-1)
    return Recollection(slow[f"{memory}_items"][sources].flatten(1).long(), values.flatten(1))
