"""Supports with one event missing, for what each event does and how well the others foretell it."""

import torch
from torch import Tensor

from models.shapes import Support


def leave_one_out(support: Support) -> Support:
    """[B * K, K] every support [B, K] again and again, with another event missing each time."""
    slots = support.items.shape[1]
    kept = 1 - torch.eye(slots).to(support.weights)
    weights = support.weights.unsqueeze(1) * kept
    return Support(support.items.repeat_interleave(slots, dim=0), weights.flatten(0, 1))


def cautious(caution: Tensor | float, evidence: Tensor) -> Tensor:
    """[B] the part of the gate that stays open: all of it, unless `evidence` falls short of 0.

    >>> cautious(0.5, torch.tensor([0.7, -0.2, -4.0]))
    tensor([1.0000, 0.9000, 0.0000])
    """
    return (1 + caution * evidence.clamp_max(0)).clamp_min(0)


def likelihood(own: Tensor, others: Tensor, hits: Tensor) -> Tensor:
    """[B] of `own` [B, 1] among itself and `others` [B, M], less those that are `hits`."""
    rivals = others.masked_fill(hits, -torch.inf)
    return own.squeeze(-1) - torch.cat([own, rivals], dim=-1).logsumexp(-1)
