"""The outer loop: meta-training of any module on any distribution of tasks.

An algorithm is an outer loss: a pure function of the slow weights and a batch of tasks whose
gradient says how the slow weights should move. The inner loop inside it is `models.inner.adapt`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.func import grad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from models.inner import Params, adapt

Examples: TypeAlias = tuple[Tensor, Tensor]
"""Inputs [..., n, inputs] and targets [..., n, ...] of n examples."""
TaskLoss: TypeAlias = Callable[[Params, Examples], Tensor]
"""Scalar loss of one task, such as `models.inner.module_loss` gives."""


class Tasks(NamedTuple):
    """B tasks: learn from `support`, be judged by `query`; the first dimension is the task."""

    support: Examples
    query: Examples


OuterLoss: TypeAlias = Callable[[Mapping[str, Tensor], Tasks], Tensor]

_SIZE = "step size of "


def step_sizes(params: Params, size: float, prefix: str = "") -> dict[str, Tensor]:
    """One inner step with the same size for every parameter whose name begins with `prefix`."""
    return {name: torch.tensor(size) for name in params if name.startswith(prefix)}


def maml(loss: TaskLoss, steps: Sequence[Params], *, first_order: bool = False) -> OuterLoss:
    """Mean query loss after len(steps) inner steps (Finn et al. 2017, algorithm 1).

    With `first_order` the adapted point counts as independent of the inner gradients: FOMAML.
    Steps that size only the head's parameters: ANIL (Raghu et al. 2020).
    """

    def outer(slow: Mapping[str, Tensor], tasks: Tasks) -> Tensor:
        def one(support: Examples, query: Examples) -> Tensor:
            return loss(adapt(loss, slow, support, steps, first_order=first_order), query)

        return torch.vmap(one)(*tasks).mean()

    return outer


def with_step_sizes(params: Params, size: float) -> dict[str, Tensor]:
    """Slow weights of Meta-SGD: the parameters and, of the same shapes, their step sizes."""
    sizes = {_SIZE + name: torch.full_like(value, size) for name, value in params.items()}
    return {**params, **sizes}


def split_step_sizes(slow: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and their step sizes, both by the parameters' names."""
    params = {name: value for name, value in slow.items() if not name.startswith(_SIZE)}
    return params, {name: slow[_SIZE + name] for name in params}


def meta_sgd(loss: TaskLoss) -> OuterLoss:
    """Mean query loss after one step of learned sizes, one per number (Li et al. 2017)."""

    def outer(slow: Mapping[str, Tensor], tasks: Tasks) -> Tensor:
        params, sizes = split_step_sizes(slow)
        return maml(loss, [sizes])(params, tasks)

    return outer


def reptile(loss: TaskLoss, steps: Sequence[Params]) -> OuterLoss:
    """Half the mean squared way to the adapted points (Nichol et al. 2018, algorithm 1).

    Its gradient is slow - adapted, so plain descent at rate eps is Reptile's move,
    slow + eps (adapted - slow). Step t learns from minibatch t: support is [B, T, n, ...].
    """

    def outer(slow: Mapping[str, Tensor], tasks: Tasks) -> Tensor:
        start = {name: value.detach() for name, value in slow.items()}

        def one(inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
            fast = start
            for step, *minibatch in zip(steps, inputs, targets, strict=True):
                fast = adapt(loss, fast, tuple(minibatch), [step])
            return fast

        adapted = torch.vmap(one)(*tasks.support)
        ways = [(slow[name] - fast).square().sum() for name, fast in adapted.items()]
        return torch.stack(ways).sum() / (2 * len(tasks.support[0]))

    return outer


def pooled(loss: TaskLoss) -> OuterLoss:
    """Mean support loss without any adaptation: pre-training on all tasks at once."""

    def outer(slow: Mapping[str, Tensor], tasks: Tasks) -> Tensor:
        return torch.vmap(lambda *support: loss(slow, support))(*tasks.support).mean()

    return outer


def adam(slow: Iterable[Tensor]) -> Optimizer:
    """The outer optimiser of Finn et al. 2017, at their rate."""
    return Adam(slow, lr=1e-3, fused=True)


def meta_train(
    outer_loss: OuterLoss,
    slow: Mapping[str, Tensor],
    draw: Callable[[], Tasks],
    iterations: int,
    optimiser: Callable[[Iterable[Tensor]], Optimizer] = adam,
    *,
    anneal: bool = False,
) -> dict[str, Tensor]:
    """The slow weights after `iterations` batches of tasks, each drawn anew by `draw`.

    `anneal` lowers the outer rate linearly to zero. Raises ValueError where a batch differs from
    the first in its shapes.
    """
    learned = {name: value.detach().clone() for name, value in slow.items()}
    outer = optimiser(learned.values())
    rate = LambdaLR(outer, lambda done: 1 - done / iterations if anneal else 1.0)
    tasks = draw()
    shapes = _shapes(tasks)
    # Nested transforms spend more time in Python than in arithmetic: record their operations once.
    gradients = make_fx(grad(outer_loss))(learned, tasks)
    for _ in range(iterations):
        for name, gradient in gradients(learned, tasks).items():
            learned[name].grad = gradient
        outer.step()
        rate.step()
        tasks = draw()
        if _shapes(tasks) != shapes:
            raise ValueError(f"all batches must have the shapes of the first, {shapes}")
    return learned


def _shapes(tasks: Tasks) -> list[torch.Size]:
    return [tensor.shape for examples in tasks for tensor in examples]


def learning_curve(loss: TaskLoss, params: Params, tasks: Tasks, steps: Sequence[Params]) -> Tensor:
    """[B, T + 1] query loss of each task before the first and after each of T inner steps."""

    def one(support: Examples, query: Examples) -> Tensor:
        fast, losses = dict(params), [loss(params, query)]
        for step in steps:
            fast = adapt(loss, fast, support, [step])
            losses.append(loss(fast, query))
        return torch.stack(losses)

    return torch.vmap(one)(*tasks)
