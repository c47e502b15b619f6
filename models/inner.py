"""The inner loop: how an entity's fast weights follow from the prior and its support.

Two forms of one idea, held equal by a law: `adapt_ranking_head` is batched and uses the analytic
gradient of `losses.support_loss`; `adapt` runs on the loss of any module.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from models.shapes import RankingTask

Params: TypeAlias = Mapping[str, Tensor]
Data = TypeVar("Data")


class Rule(NamedTuple):
    """How the ranking head walks: the learned part of its inner loop (Meta-SGD, Li et al. 2017)."""

    prior: Tensor
    """[B, d], or [d] for all: where each starts."""
    steps: Tensor
    """[T, d] step sizes, one per step and dimension."""
    rho: Tensor
    """[] steps grow with shots ** rho."""
    pull: Tensor
    """[d] logit of the part of the way back to the prior that each step takes."""
    threshold: Tensor
    """[] score below which a disliked item is left alone."""


def adapt_ranking_head(task: RankingTask, rule: Rule, *, first_order: bool = False) -> Tensor:
    """[B, d] fast weights after T steps of the support's loss; an empty support returns the prior.

    Positives pay the cross-entropy against the sampled catalogue, negatives a bounded penalty; both
    are weighted by |weight| / sum |weight|, so that no mix of signs can blow up.
    """
    total = task.weights.abs().sum(-1, keepdim=True)
    share = task.weights / total.clamp_min(torch.finfo(total.dtype).tiny)
    liked, disliked = share.clamp_min(0), share.clamp_max(0).neg()
    pace = torch.where(total > 0, total, 1.0) ** rule.rho
    back = rule.pull.sigmoid()
    unused = task.weights == 0
    fast = rule.prior.expand(len(task.weights), -1)
    for step in rule.steps:
        dots = torch.einsum("bkd,bd->bk", task.vectors, fast)
        logits = torch.cat(
            [
                (dots + task.biases).masked_fill(unused, -torch.inf),
                (fast @ task.negatives.T + task.corrections).masked_fill(task.hits, -torch.inf),
            ],
            dim=-1,
        )
        chances = liked.sum(-1, keepdim=True) * logits.softmax(-1)
        near, far = chances[:, : dots.shape[-1]], chances[:, dots.shape[-1] :]
        pushes = near - liked + disliked * (dots - rule.threshold).sigmoid()
        gradient = torch.einsum("bk,bkd->bd", pushes, task.vectors) + far @ task.negatives
        if first_order:
            gradient = gradient.detach()
        fast = fast - step * pace * gradient - back * (fast - rule.prior)
    return fast


def adapt(
    loss: Callable[[Params, Data], Tensor],
    params: Params,
    support: Data,
    steps: Sequence[Params],
    *,
    first_order: bool = False,
) -> dict[str, Tensor]:
    """One task's parameters after len(steps) steps down `loss(params, support)`.

    `steps[t][name]` is the size of step t: a scalar (MAML) or of the parameter's shape (Meta-SGD).
    A parameter without a size stays as it is (ANIL). Differentiable; `torch.vmap` it over tasks.
    """
    fast = dict(params)
    for sizes in steps:
        moving = {name: fast[name] for name in sizes}
        gradients = grad(lambda part, base=fast: loss({**base, **part}, support))(moving)
        for name, gradient in gradients.items():
            change = gradient.detach() if first_order else gradient
            fast[name] = fast[name] - sizes[name] * change
    return fast


def module_loss(
    module: nn.Module, criterion: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Params, tuple[Tensor, Tensor]], Tensor]:
    """The loss of any module as a pure function of its parameters and (inputs, targets)."""

    def loss(params: Params, data: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = data
        return criterion(functional_call(module, dict(params), (inputs,), strict=True), targets)

    return loss
