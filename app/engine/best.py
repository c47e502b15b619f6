"""The best of many scores; of equal ones the first by id, however many are equal."""

from collections.abc import Callable
from heapq import nsmallest

import torch
from torch import Tensor

FOLDED = 5_000
"""Columns from which on it pays to look at the highest of every FOLDS first."""
FOLDS = 16


def best_columns(
    scores: Tensor, wanted: int, margin: int, item_id: Callable[[int], str]
) -> tuple[Tensor, Tensor]:
    """[B, M] values and columns of the best of `scores` [B, N]: M = wanted + margin, or N.

    All are equal before anybody has come; more than the margin holds would be cut by chance.
    `item_id` names a column.
    """
    size = min(wanted + margin, scores.shape[1])
    values, columns = _best(scores, size)
    if size < scores.shape[1]:
        last = values[:, -1]
        chance = (values[:, min(wanted, size) - 1] == last) & last.isfinite()
        for entity in chance.nonzero().flatten().tolist():
            columns[entity] = _by_id(scores[entity], values[entity], columns[entity], item_id)
    return values, columns


def _best(scores: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """As `scores.topk(size)`; the best are where a row, folded, has its highest."""
    entities, columns = scores.shape
    folded, rest = divmod(columns, FOLDS)
    if columns < FOLDED or size >= folded:
        return scores.topk(size)
    highest = scores[:, : columns - rest].view(entities, FOLDS, folded).amax(1)
    steps = torch.arange(0, columns - rest, folded, device=scores.device)
    near = (highest.topk(size).indices.unsqueeze(2) + steps).flatten(1)
    if rest:
        last = torch.arange(columns - rest, columns, device=scores.device)
        near = torch.cat([near, last.expand(entities, -1)], dim=1)
    values, places = scores.gather(1, near).topk(size)
    return values, near.gather(1, places)


def _by_id(
    scores: Tensor, values: Tensor, columns: Tensor, item_id: Callable[[int], str]
) -> Tensor:
    """[M] the same columns as far as they are above the last value, then the first by id."""
    above = columns[values > values[-1]]
    equal = (scores == values[-1]).nonzero().flatten().tolist()
    first = nsmallest(len(values) - len(above), equal, key=item_id)
    return torch.cat([above, torch.tensor(first, dtype=torch.int64, device=columns.device)])
