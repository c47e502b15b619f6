"""Laws of the inner loop: both of its forms, on any task."""

from functools import partial

import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.func import grad

from models.inner import Rule, adapt, adapt_ranking_head, module_loss
from models.losses import support_loss
from models.shapes import RankingTask

often = settings(max_examples=20, deadline=None)
seldom = settings(max_examples=6, deadline=None)

sizes = st.tuples(
    st.integers(1, 4), st.integers(1, 6), st.integers(2, 9), st.integers(1, 5), st.integers(1, 3)
)
seeds = st.integers(0, 2**32 - 1)


def random_task(shape: tuple[int, ...], seed: int) -> tuple[RankingTask, Rule]:
    """A task with likes, dislikes and unused slots, and a rule that is nowhere special."""
    entities, slots, sampled, width, steps = shape
    generator = torch.Generator().manual_seed(seed)
    normal = partial(torch.randn, generator=generator, dtype=torch.float64)
    weights = normal(entities, slots)
    task = RankingTask(
        vectors=normal(entities, slots, width),
        biases=normal(entities, slots),
        weights=weights.where(weights.abs() > 0.4, 0),
        negatives=normal(sampled, width),
        corrections=normal(sampled),
        hits=normal(entities, sampled) > 1,
    )
    rule = Rule(
        prior=normal(width),
        steps=normal(steps, width).exp() * 0.3,
        rho=normal(()).sigmoid(),
        pull=normal(width),
        threshold=normal(()),
    )
    return task, rule


def one(task: RankingTask, entity: int) -> RankingTask:
    row = slice(entity, entity + 1)
    return RankingTask(
        task.vectors[row],
        task.biases[row],
        task.weights[row],
        task.negatives,
        task.corrections,
        task.hits[row],
    )


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@often
@given(sizes, seeds)
def test_the_analytic_form_equals_the_generic_one(shape: tuple[int, ...], seed: int) -> None:
    task, rule = random_task(shape, seed)
    entities = range(shape[0])
    shots = task.weights.abs().sum(-1)
    plain = rule._replace(pull=torch.full_like(rule.pull, -torch.inf))
    for entity in entities:
        alone = one(task, entity)
        pace = shots[entity] ** rule.rho if shots[entity] > 0 else shots[entity]
        fast = adapt(
            lambda params, data: support_loss(params["w"][None], rule.threshold, data).sum(),
            {"w": rule.prior},
            alone,
            [{"w": step * pace} for step in rule.steps],
        )
        close(adapt_ranking_head(task, plain)[entity], fast["w"])


@often
@given(sizes, seeds)
def test_batched_equals_looped(shape: tuple[int, ...], seed: int) -> None:
    task, rule = random_task(shape, seed)
    looped = torch.cat([adapt_ranking_head(one(task, n), rule) for n in range(shape[0])])
    close(adapt_ranking_head(task, rule), looped)


@often
@given(sizes, seeds)
def test_an_empty_support_returns_the_prior_exactly(shape: tuple[int, ...], seed: int) -> None:
    task, rule = random_task(shape, seed)
    fast = adapt_ranking_head(task._replace(weights=torch.zeros_like(task.weights)), rule)
    assert torch.equal(fast, rule.prior.expand_as(fast))


@often
@given(sizes, seeds, st.integers(1, 4))
def test_padding_changes_nothing(shape: tuple[int, ...], seed: int, more: int) -> None:
    task, rule = random_task(shape, seed)
    entities, width = shape[0], shape[3]
    junk = torch.full((entities, more), 7.0, dtype=torch.float64)
    padded = task._replace(
        vectors=torch.cat([task.vectors, junk[..., None].expand(-1, -1, width)], dim=1),
        biases=torch.cat([task.biases, junk], dim=1),
        weights=torch.cat([task.weights, torch.zeros_like(junk)], dim=1),
    )
    close(adapt_ranking_head(padded, rule), adapt_ranking_head(task, rule))


@often
@given(sizes, seeds)
def test_permuting_entities_permutes_results(shape: tuple[int, ...], seed: int) -> None:
    task, rule = random_task(shape, seed)
    order = torch.randperm(shape[0], generator=torch.Generator().manual_seed(seed))
    shuffled = RankingTask(
        task.vectors[order],
        task.biases[order],
        task.weights[order],
        task.negatives,
        task.corrections,
        task.hits[order],
    )
    close(adapt_ranking_head(shuffled, rule), adapt_ranking_head(task, rule)[order])


@often
@given(sizes, seeds)
def test_the_order_of_a_support_does_not_matter(shape: tuple[int, ...], seed: int) -> None:
    task, rule = random_task(shape, seed)
    order = torch.randperm(shape[1], generator=torch.Generator().manual_seed(seed))
    shuffled = task._replace(
        vectors=task.vectors[:, order],
        biases=task.biases[:, order],
        weights=task.weights[:, order],
    )
    close(adapt_ranking_head(shuffled, rule), adapt_ranking_head(task, rule))


@seldom
@given(sizes, seeds)
def test_second_order_equals_finite_differences(shape: tuple[int, ...], seed: int) -> None:
    """The outer gradient runs through the inner steps: checked for the prior and the step sizes."""
    task, rule = random_task(shape, seed)
    generator = torch.Generator().manual_seed(seed)
    towards = torch.randn(shape[0], shape[3], generator=generator, dtype=torch.float64)

    def outer(prior: Tensor, steps: Tensor, rho: Tensor, pull: Tensor) -> Tensor:
        moved = rule._replace(prior=prior, steps=steps, rho=rho, pull=pull)
        return (adapt_ranking_head(task, moved) * towards).sum()

    inputs = tuple(
        x.clone().requires_grad_() for x in (rule.prior, rule.steps, rule.rho, rule.pull)
    )
    assert torch.autograd.gradcheck(outer, inputs, eps=1e-6, atol=1e-5, rtol=1e-4)


@often
@given(sizes, seeds)
def test_first_order_is_the_query_gradient_at_the_adapted_point(
    shape: tuple[int, ...], seed: int
) -> None:
    task, rule = random_task(shape, seed)
    rule = rule._replace(pull=torch.full_like(rule.pull, -torch.inf))
    towards = torch.randn(
        shape[0], shape[3], generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )

    def query(fast: Tensor) -> Tensor:
        return ((fast - towards) ** 2).sum()

    outer = grad(
        lambda prior: query(adapt_ranking_head(task, rule._replace(prior=prior), first_order=True))
    )(rule.prior)
    at_the_adapted = grad(query)(adapt_ranking_head(task, rule))
    close(outer, at_the_adapted.sum(0))


class Net(nn.Module):
    """Small, curved, and with parameters of several shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.last(self.first(inputs).tanh())
        return output


def net_and_tasks(seed: int) -> tuple[Net, dict[str, Tensor], tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    net = Net().double()
    params = {
        name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
        for name, value in net.named_parameters()
    }
    inputs = torch.randn(5, 6, 3, generator=generator, dtype=torch.float64)
    targets = torch.randint(2, (5, 6), generator=generator)
    return net, params, (inputs, targets)


def sizes_like(params: dict[str, Tensor], size: float) -> dict[str, Tensor]:
    return {name: torch.full_like(value, size) for name, value in params.items()}


@often
@given(seeds)
def test_any_module_adapts_batched_as_looped(seed: int) -> None:
    net, params, (inputs, targets) = net_and_tasks(seed)
    loss = module_loss(net, nn.functional.cross_entropy)
    steps = [sizes_like(params, 0.1)] * 3
    batched = torch.vmap(lambda x, y: adapt(loss, params, (x, y), steps))(inputs, targets)
    for task in range(len(inputs)):
        alone = adapt(loss, params, (inputs[task], targets[task]), steps)
        for name in params:
            close(batched[name][task], alone[name])


@seldom
@given(seeds)
def test_any_module_has_exact_second_order(seed: int) -> None:
    net, params, (inputs, targets) = net_and_tasks(seed)
    loss = module_loss(net, nn.functional.cross_entropy)

    def outer(start: Tensor, size: Tensor) -> Tensor:
        steps = [{**sizes_like(params, 0.1), "first.weight": size}] * 2
        fast = adapt(loss, {**params, "first.weight": start}, (inputs[0], targets[0]), steps)
        return loss(fast, (inputs[1], targets[1]))

    start = params["first.weight"].clone().requires_grad_()
    size = torch.full_like(start, 0.1).requires_grad_()
    assert torch.autograd.gradcheck(outer, (start, size), eps=1e-6, atol=1e-5, rtol=1e-4)


@often
@given(seeds)
def test_any_module_has_first_order(seed: int) -> None:
    net, params, (inputs, targets) = net_and_tasks(seed)
    loss = module_loss(net, nn.functional.cross_entropy)
    query = (inputs[1], targets[1])
    steps = [sizes_like(params, 0.1)] * 2
    support = (inputs[0], targets[0])
    outer = grad(lambda start: loss(adapt(loss, start, support, steps, first_order=True), query))(
        params
    )
    at_the_adapted = grad(loss)(adapt(loss, params, support, steps), query)
    for name in params:
        close(outer[name], at_the_adapted[name])


@often
@given(seeds)
def test_parameters_without_a_step_size_stay(seed: int) -> None:
    net, params, (inputs, targets) = net_and_tasks(seed)
    loss = module_loss(net, nn.functional.cross_entropy)
    head = {name: torch.tensor(0.1) for name in ("last.weight", "last.bias")}
    fast = adapt(loss, params, (inputs[0], targets[0]), [head])
    assert torch.equal(fast["first.weight"], params["first.weight"])
    assert not torch.equal(fast["last.weight"], params["last.weight"])
