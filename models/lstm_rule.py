"""An LSTM as the optimiser: how Ravi & Larochelle (2017) learn the inner loop itself.

The parameters of a learner are the cell state of an LSTM and their gradient is its candidate:
theta_t = f_t * theta_(t-1) - i_t * gradient_t. All coordinates share the weights of the gates.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.func import grad

from models.inner import Params

Data = TypeVar("Data")


class LSTMRule(NamedTuple):
    """What each gate makes of (loss, gradient, parameter, the gate before): weights and a bias.

    [7] each: two for the loss and two for the gradient (see `by_magnitude`), one for the parameter,
    one for the gate's last value, the bias.
    """

    forget: Tensor
    """f: how much of a parameter stays."""
    learn: Tensor
    """i, the input gate: the step size."""


def initial_rule(forget: float = 0.999, learn: float = 0.05) -> LSTMRule:
    """Gates of these values whatever they see: nearly gradient descent, as in section 3.2."""

    def always(value: float) -> Tensor:
        return torch.tensor([0.0] * 6 + [math.log(value / (1 - value))])

    return LSTMRule(always(forget), always(learn))


def by_magnitude(numbers: Tensor, p: float = 10) -> tuple[Tensor, Tensor]:
    """(log-magnitude, sign) of numbers of any scale, both about -1 to 1.

    (log|x| / p, sgn x) where |x| >= e^-p, else (-1, e^p x): Andrychowicz et al. 2016, appendix A.
    """
    least = math.exp(-p)
    large = numbers.abs() >= least
    return (
        torch.where(large, numbers.abs().clamp_min(least).log() / p, -1.0),
        torch.where(large, numbers.sign(), numbers / least),
    )


def adapt_by_rule(
    losses: Callable[[Params, Data], Tensor],
    params: Params,
    support: Data,
    rule: LSTMRule,
    steps: int,
) -> dict[str, Tensor]:
    """The parameters after so many steps of the rule (Ravi & Larochelle 2017, equation 2).

    One task, for `torch.vmap`, with a scalar loss; or B tasks at once, with a loss [B] beside
    parameters [B, ...]. Losses and gradients are constants to the outer loop, as in the paper: it
    sees the rule through every step and the start through the forget gates.
    """

    def total(moving: Params) -> tuple[Tensor, Tensor]:
        each = losses(moving, support)
        return each.sum(), each

    fast = dict(params)
    gates = {name: (torch.zeros_like(value),) * 2 for name, value in fast.items()}
    for _ in range(steps):
        with torch.no_grad():
            gradients, each = grad(total, has_aux=True)(fast)
        for name, gradient in gradients.items():
            forget, learn = gates[name] = _gates(rule, gradient, each, fast[name], gates[name])
            fast[name] = forget * fast[name] - learn * gradient
    return fast


def _gates(
    rule: LSTMRule, gradient: Tensor, loss: Tensor, value: Tensor, before: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """(f, i) of each coordinate (section 3.2)."""
    loss = loss.reshape(loss.shape + (1,) * (value.dim() - loss.dim()))
    seen = [*by_magnitude(loss), *by_magnitude(gradient), value]
    forget, learn = (
        sum(
            (weight * one for weight, one in zip(weights, [*seen, last], strict=False)), weights[-1]
        )
        for weights, last in zip(rule, before, strict=True)
    )
    return forget.sigmoid(), learn.sigmoid()
