"""NDCG@10 of many blends at once, from the few items that can be among anybody's best ten."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from models.metrics import Question, ndcg_at_10, ndcg_of_hits

LENGTH = 64
"""How many of the best by score, and how many by popularity, make the short list."""


def blended_ndcg(
    scores: Tensor,
    popularity: Mapping[str, Tensor],
    blends: Sequence[tuple[str, float]],
    question: Question,
) -> Tensor:
    """[len(blends), B] NDCG@10 of scores [B, N] + weight * a form [N] of popularity.

    All forms put the items in one order; weights are not negative. What is on neither list scores
    below both of their ends, so it cannot be above this sum. Who may have a better item than the
    short list has is judged on all items; ties may come in any order.
    """
    shown = scores.masked_fill(question.hidden, -torch.inf)
    best = shown.topk(min(LENGTH, shown.shape[1]), dim=1)
    popular = next(iter(popularity.values())).topk(best.values.shape[1]).indices
    listed = torch.zeros_like(question.hidden).scatter_(1, best.indices, value=True)
    both = shown[:, popular].masked_fill(listed[:, popular], -torch.inf)
    items = torch.cat([best.indices, popular.expand(len(both), -1)], dim=1)
    values = torch.cat([best.values, both], dim=1)
    wanted, size = question.wanted.gather(1, items), question.wanted.sum(1)
    forms = {name: form[items] for name, form in popularity.items()}
    marks = []
    for name, weight in blends:
        top = (values + weight * forms[name]).topk(min(10, shown.shape[1]), dim=1)
        mark = ndcg_of_hits(wanted.gather(1, top.indices) & (top.values > -torch.inf), size)
        ceiling = best.values[:, -1] + weight * popularity[name][popular[-1]]
        doubtful = (top.values[:, -1] <= ceiling).nonzero()[:, 0]
        if len(doubtful):
            asked = Question(question.wanted[doubtful], question.hidden[doubtful])
            mark[doubtful] = ndcg_at_10(scores[doubtful] + weight * popularity[name], asked)
        marks.append(mark)
    return torch.stack(marks)
