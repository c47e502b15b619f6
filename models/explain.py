"""Explanations: the support is adapted to again with each event left out."""

import torch
from torch import Tensor
from torch.nn.functional import embedding

from models.algorithms.interface import Algorithm, Slow
from models.algorithms.leave_one_out import leave_one_out
from models.algorithms.scoring import personalise
from models.shapes import Features, Support


def contributions(
    algorithm: Algorithm,
    slow: Slow,
    support: Support,
    profile: Features,
    items: Tensor,
    rows: Tensor,
) -> Tensor:
    """[B, K, M] how much of each score of `items` [B, M] is due to each event of the support.

    That is the score less what it would be without the event (its influence, Cook 1977). `items`
    are rows of the catalogue and `rows` [N, D] their item rows. An unused slot contributes nothing.
    """
    entities, shots = support.items.shape
    wanted = embedding(items, rows)
    everything = _scores(algorithm, slow, support, profile, items, wanted)
    without = _scores(
        algorithm,
        slow,
        leave_one_out(support),
        Features(_repeated(profile.columns, shots), _repeated(profile.values, shots)),
        _repeated(items, shots),
        _repeated(wanted, shots),
    )
    return everything.unsqueeze(1) - without.view(entities, shots, -1)


def _scores(
    algorithm: Algorithm,
    slow: Slow,
    support: Support,
    profile: Features,
    items: Tensor,
    rows: Tensor,
) -> Tensor:
    """[B, M] of `items` [B, M], whose rows are `rows` [B, M, D]."""
    personal = personalise(algorithm, slow, support, profile)
    scores = algorithm.score(slow, personal, rows)
    recalled = algorithm.recollect(slow, personal, support, profile)
    places, order = items.sort(dim=1)
    at = torch.searchsorted(places, recalled.items).clamp_max(items.shape[1] - 1)
    asked = places.gather(1, at) == recalled.items
    added = recalled.scores.where(asked, 0).to(scores)
    return scores.scatter_add(1, order.gather(1, at), added)


def _repeated(rows: Tensor, times: int) -> Tensor:
    """[B * times, ...] each row so many times."""
    return rows.repeat_interleave(times, dim=0)
