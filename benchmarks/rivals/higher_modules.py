"""Personal modules with the library `higher` (Grefenstette et al. 2019), as for serving."""

from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor, nn


def adapt_modules(
    net: nn.Module,
    criterion: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
    steps: int,
    rate: float,
) -> list[list[Tensor]]:
    """The parameters of `net` for each task, after `steps` of SGD on its examples."""
    higher = import_module("higher")
    optimizer = torch.optim.SGD(net.parameters(), lr=rate)
    adapted = []
    for x, y in zip(inputs, targets, strict=True):
        with higher.innerloop_ctx(net, optimizer, track_higher_grads=False) as (own, inner):
            for _ in range(steps):
                inner.step(criterion(own(x), y))
            adapted.append([parameter.detach() for parameter in own.parameters()])
    return adapted
