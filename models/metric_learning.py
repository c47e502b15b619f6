"""Few-shot learning by comparison with the support: nothing descends a gradient within a task.

B tasks, K support slots, M queries (or [M, d] shared by all tasks), C classes, d numbers each.
`labels` [B, K, C] say how much a slot counts for a class: one-hot rows to classify, event weights
and C = 1 to rank. A row of zeros is an unused slot.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


def evidence(
    queries: Tensor,
    support: Tensor,
    labels: Tensor,
    temperature: Tensor,
    floor: Tensor | None = None,
) -> Tensor:
    """[B, M, C] log(exp(floor / t) + sum_i y_ic exp(cos(f(x), g(x_i)) / t)), t the temperature.

    Labels are >= 0. Without a floor and with one-hot labels its softmax over the classes is
    sum_i a_i y_i, where a is the attention over the support (Vinyals et al. 2016, equation 1). A
    floor is one more example of that cosine for each class; it draws few shots to equal chances.
    Times t it ranks by one class, where sum_i a_i y_i would be 1 for every query; an empty support
    then gives `floor`.
    """
    cosines = normalize(queries, dim=-1, eps=1e-6) @ normalize(support, dim=-1, eps=1e-6).mT
    total = ((cosines - 1) / temperature).exp() @ labels
    if floor is not None:
        total = total + ((floor - 1) / temperature).exp()
    return total.clamp_min(torch.finfo(total.dtype).tiny).log() + 1 / temperature


def prototypes(support: Tensor, labels: Tensor, prior: Tensor, prior_shots: Tensor) -> Tensor:
    """[B, C, d] class means that count `prior` ([d] or [C, d]) as so many further shots.

    Class means of Snell et al. 2017 (equation 1) for `prior_shots` 0. No shots at all give the
    prior exactly. A negative label pushes the mean away from its example.
    """
    counts = labels.sum(-2).unsqueeze(-1)
    shots = labels.abs().sum(-2).unsqueeze(-1) + prior_shots
    towards = labels.mT @ support - counts * prior
    return prior + towards / shots.clamp_min(torch.finfo(shots.dtype).tiny)


def closeness(queries: Tensor, centres: Tensor) -> Tensor:
    """[B, M, C] -||f(x) - c||^2; the logits of Snell et al. 2017 (equation 2)."""
    dots = queries @ centres.mT
    squares = queries.square().sum(-1).unsqueeze(-1) + centres.square().sum(-1).unsqueeze(-2)
    return 2 * dots - squares


class MatchingNetwork(nn.Module):
    """Matching with a linear embedding and a learned attention.

    The attention compares by cos(A e(x), e(x_i)) / temperature; A starts as the identity. Vinyals
    et al. (2016) write f for A e and g for e.
    """

    def __init__(self, inputs: int, width: int, temperature: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Linear(inputs, width)
        self.attention = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.attention.weight)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))

    def forward(self, queries: Tensor, support: Tensor, labels: Tensor) -> Tensor:
        """[B, M, C] log-probabilities of the queries' classes."""
        queries, support = self.embedding(queries), self.embedding(support)
        temperature = self.log_temperature.exp()
        return evidence(self.attention(queries), support, labels, temperature).log_softmax(-1)
