from functools import partial

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.func import grad
from torch.nn.functional import mse_loss
from torch.optim import SGD

from models.few_shot import (
    OuterLoss,
    Tasks,
    learning_curve,
    maml,
    meta_sgd,
    meta_train,
    pooled,
    reptile,
    split_step_sizes,
    step_sizes,
    with_step_sizes,
)
from models.inner import Params, adapt, module_loss
from models.nets import HEAD, MLP, initial_parameters

NET = MLP((1, 8, 1), nn.Tanh)
LOSS = module_loss(NET, mse_loss)
RATE = 0.1


def start() -> dict[str, Tensor]:
    return initial_parameters(NET, torch.Generator().manual_seed(0))


def waves(count: int, generator: Generator, shots: int = 5) -> Tasks:
    height = 1 + torch.rand(count, 1, 1, generator=generator)
    support, query = torch.randn(2, count, shots, 1, generator=generator).unbind()
    return Tasks((support, height * support.sin()), (query, height * query.sin()))


def minibatches(count: int, generator: Generator) -> Tasks:
    """Supports of two minibatches of three points."""
    height = 1 + torch.rand(count, 1, 1, 1, generator=generator)
    inputs = torch.randn(count, 2, 3, 1, generator=generator)
    examples = (inputs, height * inputs.sin())
    return Tasks(examples, examples)


def tasks() -> Tasks:
    return waves(4, torch.Generator().manual_seed(1))


def close(found: Params, expected: Params) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


def one(task: int, all_tasks: Tasks) -> Tasks:
    (support, query) = all_tasks
    return Tasks((support[0][task], support[1][task]), (query[0][task], query[1][task]))


def mean(found: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([each[name] for each in found]).mean(0) for name in found[0]}


def test_fomaml_follows_the_query_gradient_at_the_adapted_point() -> None:
    steps = [step_sizes(start(), RATE)] * 2
    expected = []
    for task in range(4):
        support, query = one(task, tasks())
        expected.append(grad(LOSS)(adapt(LOSS, start(), support, steps), query))
    close(grad(maml(LOSS, steps, first_order=True))(start(), tasks()), mean(expected))


def test_maml_differs_from_fomaml_by_the_curvature_of_the_support() -> None:
    steps = [step_sizes(start(), RATE)] * 2
    name = "head.weight"
    second = grad(maml(LOSS, steps))(start(), tasks())[name]
    first = grad(maml(LOSS, steps, first_order=True))(start(), tasks())[name]
    bump = torch.zeros_like(second)
    bump[0, 3] = 1e-2
    above, below = (
        maml(LOSS, steps)({**start(), name: start()[name] + sign * bump}, tasks())
        for sign in (1, -1)
    )
    slope = ((above - below) / 2e-2).item()
    assert second[0, 3].item() == pytest.approx(slope, rel=1e-2)
    assert first[0, 3].item() != pytest.approx(slope, rel=1e-2)


def test_anil_moves_only_the_head_within_a_task() -> None:
    head = step_sizes(start(), RATE, prefix=HEAD)
    assert set(head) == {"head.weight", "head.bias"}
    support, _ = one(0, tasks())
    fast = adapt(LOSS, start(), support, [head])
    assert {name for name in fast if not torch.equal(fast[name], start()[name])} == set(head)


def test_reptile_moves_a_part_of_the_way_to_the_mean_adapted_point() -> None:
    drawn = minibatches(3, torch.Generator().manual_seed(1))
    step = step_sizes(start(), RATE)
    adapted = []
    for task in range(3):
        inputs, targets = drawn.support[0][task], drawn.support[1][task]
        halfway = adapt(LOSS, start(), (inputs[0], targets[0]), [step])
        adapted.append(adapt(LOSS, halfway, (inputs[1], targets[1]), [step]))
    moved = meta_train(reptile(LOSS, [step] * 2), start(), lambda: drawn, 1, partial(SGD, lr=0.3))
    way = mean(adapted)
    close(moved, {name: 0.7 * value + 0.3 * way[name] for name, value in start().items()})


def test_meta_sgd_with_equal_sizes_is_maml_with_one_step() -> None:
    slow = with_step_sizes(start(), RATE)
    expected = maml(LOSS, [step_sizes(start(), RATE)])(start(), tasks())
    torch.testing.assert_close(meta_sgd(LOSS)(slow, tasks()), expected)


def test_meta_sgd_learns_step_sizes_that_beat_the_fixed_one_they_start_from() -> None:
    train = partial(meta_train, iterations=150)
    drawing, again = (torch.Generator().manual_seed(1) for _ in range(2))
    small = step_sizes(start(), 0.001)
    slow = train(meta_sgd(LOSS), with_step_sizes(start(), 0.001), lambda: waves(8, drawing))
    fixed = train(maml(LOSS, [small]), start(), lambda: waves(8, again))
    params, sizes = split_step_sizes(slow)
    assert set(params) == set(sizes) == set(start())
    for name, size in sizes.items():
        assert size.shape == params[name].shape
        assert (size != 0.001).all()
    unseen = waves(200, torch.Generator().manual_seed(2))
    with_learned, with_fixed = (
        learning_curve(LOSS, *pair)[:, 1].mean()
        for pair in ((params, unseen, [sizes]), (fixed, unseen, [small]))
    )
    assert with_learned < 0.9 * with_fixed


@pytest.mark.parametrize(
    ("outer_loss", "inner"),
    [
        pytest.param(maml(LOSS, [step_sizes(start(), RATE)]), RATE, id="maml"),
        pytest.param(maml(LOSS, [step_sizes(start(), RATE)], first_order=True), RATE, id="fomaml"),
        pytest.param(pooled(LOSS), 0.0, id="pooled"),
    ],
)
def test_a_few_iterations_lower_the_loss_of_new_tasks(outer_loss: OuterLoss, inner: float) -> None:
    generator = torch.Generator().manual_seed(1)
    learned = meta_train(outer_loss, start(), lambda: waves(8, generator), 60)
    unseen = waves(50, torch.Generator().manual_seed(2))
    before, after = (
        learning_curve(LOSS, params, unseen, [step_sizes(start(), inner)])[:, 1].mean()
        for params in (start(), learned)
    )
    assert after < 0.9 * before


def test_a_curve_holds_the_query_loss_before_and_after_each_step() -> None:
    step = step_sizes(start(), RATE)
    curves = learning_curve(LOSS, start(), tasks(), [step] * 3)
    assert curves.shape == (4, 4)
    support, query = one(2, tasks())
    for steps in range(4):
        fast = adapt(LOSS, start(), support, [step] * steps)
        torch.testing.assert_close(curves[2, steps], LOSS(fast, query))


def test_annealing_ends_at_rate_zero() -> None:
    drawn = tasks()
    train = partial(meta_train, pooled(LOSS), start(), lambda: drawn, optimiser=partial(SGD, lr=1))
    plain, annealed = train(2), train(2, anneal=True)
    after_one = train(1)
    way = grad(pooled(LOSS))(after_one, drawn)
    close(plain, {name: value - way[name] for name, value in after_one.items()})
    close(annealed, {name: value - way[name] / 2 for name, value in after_one.items()})


def test_meta_training_leaves_the_start_alone() -> None:
    slow = start()
    meta_train(pooled(LOSS), slow, tasks, 2)
    close(slow, start())


def test_batches_of_another_shape_are_refused() -> None:
    counts = iter((4, 4, 5))
    with pytest.raises(ValueError, match="shape"):
        meta_train(pooled(LOSS), start(), lambda: waves(next(counts), torch.Generator()), 3)
