"""The best of many scores; of equal ones the first by id, however many are equal."""

from functools import lru_cache

import torch
from torch import Tensor


def best_rows(
    scores: Tensor, wanted: int, margin: int, item_ids: tuple[str, ...]
) -> tuple[Tensor, Tensor]:
    """[B, M] values and columns of the best of `scores` [B, N]: M = wanted + margin, or N.

    All are equal before anybody has come; more than the margin holds would be cut by chance.
    """
    size = min(wanted + margin, scores.shape[1])
    values, columns = scores.topk(size)
    if not _is_cut_by_chance(values, wanted, scores.shape[1]):
        return values, columns
    by_id = _by_id(item_ids).to(columns.device)
    values, places = scores[:, by_id].sort(dim=1, descending=True, stable=True)
    return values[:, :size], by_id[places[:, :size]]


def _is_cut_by_chance(values: Tensor, wanted: int, items: int) -> bool:
    size = values.shape[1]
    if size == items:
        return False
    last = values[:, -1]
    return bool(((values[:, min(wanted, size) - 1] == last) & last.isfinite()).any())


@lru_cache(maxsize=1)
def _by_id(item_ids: tuple[str, ...]) -> Tensor:
    """[N] rows in the order of their ids."""
    return torch.tensor(sorted(range(len(item_ids)), key=item_ids.__getitem__))
