"""Personal modules without Thaw: for each task a copy, an optimiser, and a few steps."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn


def adapt_modules(
    net: nn.Module,
    criterion: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    steps: int,
    rate: float,
) -> list[nn.Module]:
    """A copy of `net` for each task, after `steps` of SGD on its examples."""
    adapted = []
    for x, y in zip(inputs, targets, strict=True):
        own = deepcopy(net)
        optimizer = torch.optim.SGD(own.parameters(), lr=rate)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(criterion(own(x), y))
            optimizer.step()
        adapted.append(own)
    return adapted
