"""Modules whose parameters an inner loop moves. Body and head are told apart by parameter name."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

HEAD = "head."
"""Names of decision parameters begin so; ANIL (Raghu et al. 2020) adapts only these."""


class MLP(nn.Module):
    """[..., sizes[0]] -> [..., sizes[-1]]: linear layers with an activation between them."""

    def __init__(self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width, following in pairwise(sizes[:-1]):
            layers += [nn.Linear(width, following), activation()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(inputs))
        return outputs


class Learner(MLP):
    """[..., 10] inputs -> [..., 5] logits of a five-way task, by one hidden layer of 64."""

    def __init__(self, inputs: int = 10, hidden: int = 64, classes: int = 5) -> None:
        super().__init__((inputs, hidden, classes))


class SinusoidNet(MLP):
    """[..., 1] -> [..., 1]: two ReLU layers of 40 (Finn et al. 2017, section 5.1)."""

    def __init__(self) -> None:
        super().__init__((1, 40, 40, 1))


class MLPScorer(nn.Module):
    """Scores of items from their vectors: score(e) = v.e + w2.relu(W1 e + b1).

    `head.weight` is [v, w2] and is all that an adaptation like ANIL's moves; one that moves every
    parameter is MeLU's (Lee et al. 2019), whose decision layers adapt while item vectors stay.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.body = nn.Linear(width, hidden)
        self.head = nn.Linear(width + hidden, 1, bias=False)

    def features(self, vectors: Tensor) -> Tensor:
        """What the head weighs, [..., width + hidden]: a score is its dot product with [v, w2]."""
        return torch.cat([vectors, self.body(vectors).relu()], dim=-1)

    def forward(self, vectors: Tensor) -> Tensor:
        """[...] scores of item vectors [..., width]."""
        scores: Tensor = self.head(self.features(vectors)).squeeze(-1)
        return scores


def initial_parameters(
    net: nn.Module, generator: Generator, deviation: float | None = None
) -> dict[str, Tensor]:
    """Parameters to start from, by name: weights truncated at two deviations, biases zero.

    Finn et al. 2017 (their code) draw all weights with `deviation` 0.01; without one each weight's
    is 1 / sqrt(its number of inputs).
    """
    return {
        name: _truncated_normal(value, generator, deviation)
        if value.ndim > 1
        else torch.zeros_like(value)
        for name, value in net.named_parameters()
    }


def _truncated_normal(weight: Tensor, generator: Generator, deviation: float | None) -> Tensor:
    scale = weight.shape[-1] ** -0.5 if deviation is None else deviation
    return nn.init.trunc_normal_(
        torch.empty_like(weight), std=scale, a=-2 * scale, b=2 * scale, generator=generator
    )
