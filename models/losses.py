"""Masked losses of the ranking head."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from models.shapes import RankingTask, Support


def support_loss(fast: Tensor, threshold: Tensor, task: RankingTask) -> Tensor:
    """[B] what the inner loop of a linear head descends; `fast` [B, d]."""
    dots = torch.einsum("bkd,bd->bk", task.vectors, fast)
    return sampled_loss(dots, fast @ task.negatives.T, threshold, task)


def sampled_loss(own: Tensor, others: Tensor, threshold: Tensor, task: RankingTask) -> Tensor:
    """[...] of departures `own` [..., K] of the support and `others` [..., M] of sampled items.

    Positives: sampled softmax with the log-q correction (Bengio & Senecal 2008). Negatives:
    -log(1 - sigmoid(departure - threshold)), which is bounded below, unlike a negated
    cross-entropy.
    """
    logits = (own + task.biases).masked_fill(task.weights == 0, -torch.inf)
    sampled = (others + task.corrections).masked_fill(task.hits, -torch.inf)
    partition = torch.cat([logits, sampled], dim=-1).logsumexp(-1, keepdim=True)
    share = task.weights.abs() / task.weights.abs().sum(-1, keepdim=True).clamp_min(1e-30)
    losses = torch.where(task.weights > 0, partition - own - task.biases, softplus(own - threshold))
    return (share * losses).sum(-1)


def query_loss(scores: Tensor, support: Support, query: Tensor, size_power: float) -> Tensor:
    """Scalar: weighted mean over entities of the mean negative log-likelihood of the query.

    `scores` and `query` are [B, N]. The softmax runs over all that is not in the support. An entity
    weighs (size of its query) ** `size_power`: at 0 the model learns which share of a query an item
    takes, at 1 how likely it is to be in one, which is what a ranking metric asks.
    """
    used = support.weights != 0
    taken = torch.zeros_like(query).scatter_add(1, support.items, used.to(query.dtype)) > 0
    likelihoods = scores.masked_fill(taken, -torch.inf).log_softmax(-1).masked_fill(taken, 0)
    wanted = query.masked_fill(taken, 0)
    counts = wanted.sum(-1)
    means = (likelihoods * wanted).sum(-1) / counts.clamp_min(1)
    shares = torch.where(counts > 0, counts, 1) ** size_power * (counts > 0)
    return -(means * shares).sum() / shares.sum().clamp_min(1)
