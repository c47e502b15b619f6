"""The learned rule against Ravi & Larochelle's equations, written as plain loops."""

import math

import torch
from torch import Tensor

from models.inner import Params, adapt
from models.lstm_rule import LSTMRule, adapt_by_rule, by_magnitude, initial_rule

GENERATOR = torch.Generator().manual_seed(0)
START = {"w": torch.randn(2, generator=GENERATOR), "b": torch.randn((), generator=GENERATOR)}
INPUTS = torch.randn(5, 2, generator=GENERATOR)
TARGETS = torch.randn(5, generator=GENERATOR)
LEARNED = LSTMRule(torch.randn(7, generator=GENERATOR), torch.randn(7, generator=GENERATOR))


def loss(params: Params, data: tuple[Tensor, Tensor]) -> Tensor:
    inputs, targets = data
    return (inputs @ params["w"] + params["b"] - targets).square().mean()


def by_hand(number: float) -> tuple[float, float]:
    if abs(number) >= math.exp(-10):
        return math.log(abs(number)) / 10, math.copysign(1, number)
    return -1.0, math.exp(10) * number


def gate(weights: Tensor, gradient: float, now: float, value: float, before: float) -> float:
    seen = (*by_hand(now), *by_hand(gradient), value, before, 1.0)
    total = sum(float(weight) * one for weight, one in zip(weights, seen, strict=True))
    return 1 / (1 + math.exp(-total))


def test_numbers_are_seen_by_magnitude_and_sign() -> None:
    numbers = [3.0, -0.02, 1e-6, -1e-6, 0.0]
    found = torch.stack(by_magnitude(torch.tensor(numbers)), -1)
    torch.testing.assert_close(found, torch.tensor([by_hand(one) for one in numbers]))


def test_every_coordinate_walks_by_the_equations() -> None:
    found = adapt_by_rule(loss, START, (INPUTS, TARGETS), LEARNED, 3)
    values = [*START["w"].tolist(), START["b"].item()]
    rows = torch.cat([INPUTS, torch.ones(5, 1)], 1)
    gates = [(0.0, 0.0)] * 3
    for _ in range(3):
        errors = rows @ torch.tensor(values) - TARGETS
        now = errors.square().mean().item()
        gradients = (2 * errors @ rows / 5).tolist()
        for place, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
            forget, learn = gates[place] = (
                gate(LEARNED.forget, gradient, now, value, gates[place][0]),
                gate(LEARNED.learn, gradient, now, value, gates[place][1]),
            )
            values[place] = forget * value - learn * gradient
    torch.testing.assert_close(found["w"], torch.tensor(values[:2]))
    torch.testing.assert_close(found["b"], torch.tensor(values[2]))


def test_with_fixed_gates_it_is_gradient_descent() -> None:
    always = initial_rule(learn=0.1)._replace(forget=torch.tensor([0.0] * 6 + [torch.inf]))
    found = adapt_by_rule(loss, START, (INPUTS, TARGETS), always, 4)
    sizes = dict.fromkeys(START, torch.tensor(0.1))
    descended = adapt(loss, START, (INPUTS, TARGETS), [sizes] * 4)
    for name, value in descended.items():
        torch.testing.assert_close(found[name], value)


def test_it_starts_near_gradient_descent() -> None:
    rule = initial_rule(forget=0.99, learn=0.03)
    found = adapt_by_rule(loss, START, (INPUTS, TARGETS), rule, 1)
    gradients = torch.func.grad(loss)(START, (INPUTS, TARGETS))
    for name, value in START.items():
        torch.testing.assert_close(found[name], 0.99 * value - 0.03 * gradients[name])


def test_tasks_at_once_walk_as_alone_and_under_vmap() -> None:
    inputs = torch.randn(3, 5, 2, generator=GENERATOR)
    starts = {"w": torch.randn(3, 2, generator=GENERATOR), "b": torch.zeros(3)}

    def losses(params: Params, data: tuple[Tensor, Tensor]) -> Tensor:
        outputs = (data[0] @ params["w"].unsqueeze(-1)).squeeze(-1) + params["b"].unsqueeze(-1)
        return (outputs - data[1]).square().mean(-1)

    together = adapt_by_rule(losses, starts, (inputs, TARGETS.expand(3, 5)), LEARNED, 2)
    mapped = torch.vmap(lambda start, x: adapt_by_rule(loss, start, (x, TARGETS), LEARNED, 2))(
        starts, inputs
    )
    for task in range(3):
        start = {name: value[task] for name, value in starts.items()}
        alone = adapt_by_rule(loss, start, (inputs[task], TARGETS), LEARNED, 2)
        for name, value in alone.items():
            torch.testing.assert_close(together[name][task], value)
            torch.testing.assert_close(mapped[name][task], value)


def test_the_outer_loop_takes_gradients_and_losses_for_constants() -> None:
    start = {name: value.clone().requires_grad_() for name, value in START.items()}
    always = initial_rule(forget=0.9)
    rule = LSTMRule(*(weights.clone().requires_grad_() for weights in always))
    found = adapt_by_rule(loss, start, (INPUTS, TARGETS), rule, 2)["w"].sum()
    outer = torch.autograd.grad(found, [start["w"], rule.forget, rule.learn])
    torch.testing.assert_close(outer[0], torch.full((2,), 0.9**2))
    assert all(part.isfinite().all() and part.abs().sum() > 0 for part in outer)
