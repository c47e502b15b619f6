"""Personal ranking heads without Thaw: for each user a copy, an optimiser, and a few steps."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn


def adapt_heads(
    head: nn.Linear,
    vectors: Tensor,
    offsets: Tensor,
    sampled: Tensor,
    sampled_offsets: Tensor,
    supports: Iterable[Tensor],
    steps: int,
    rate: float,
) -> Tensor:
    """[B, d] heads after `steps` of SGD on the cross-entropy of each support's items.

    `vectors` [N, d] and `offsets` [N] are the catalogue's, `sampled` [M] the items that every
    support is told from, at `sampled_offsets` [M].
    """
    adapted = []
    for items in supports:
        own = deepcopy(head)
        optimizer = torch.optim.SGD(own.parameters(), lr=rate)
        candidates = vectors[torch.cat([items, sampled])]
        others = sampled_offsets.masked_fill(torch.isin(sampled, items), -torch.inf)
        constants = torch.cat([offsets[items], others])
        for _ in range(steps):
            logits = own(candidates).squeeze(-1) + constants
            loss = -logits.log_softmax(0)[: len(items)].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        adapted.append(own.weight.detach()[0])
    return torch.stack(adapted)
