"""Laws of the prepared ranking head: it does what the inner loop does, whatever the numbers."""

from functools import partial
from typing import NamedTuple

import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import Tensor

from models.inner import Rule, adapt_ranking_head
from models.prepared_head import PreparedHead, Sampled, Slots
from models.shapes import RankingTask

often = settings(max_examples=40, deadline=None)

sizes = st.tuples(
    st.integers(1, 4),  # entities
    st.integers(1, 5),  # slots
    st.integers(5, 12),  # items
    st.integers(1, 12),  # draws
    st.integers(1, 4),  # width
    st.integers(1, 3),  # steps
)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from((0.1, 1.0, 20.0))
"""Of the logits: at 20 exponentials leave the range of numbers."""


class World(NamedTuple):
    """A catalogue, draws from it, and supports that name different items each."""

    vectors: Tensor
    biases: Tensor
    draws: Tensor
    log_q: Tensor
    items: Tensor
    weights: Tensor
    rule: Rule

    @property
    def task(self) -> RankingTask:
        hits = (self.items.unsqueeze(-1) == self.draws) & (self.weights != 0).unsqueeze(-1)
        return RankingTask(
            vectors=self.vectors[self.items],
            biases=self.biases[self.items],
            weights=self.weights,
            negatives=self.vectors[self.draws],
            corrections=(self.biases - self.log_q)[self.draws],
            hits=hits.any(1),
        )

    def prepared(self) -> tuple[PreparedHead, Slots]:
        rows = torch.tensor(sorted(set(self.draws.tolist())))
        draws = (self.draws == rows.unsqueeze(1)).sum(1) * self.log_q[rows].neg().exp()
        places = torch.full_like(self.biases, len(rows), dtype=torch.int64)
        places[rows] = torch.arange(len(rows))
        sampled = Sampled(self.vectors[rows], self.biases[rows], draws)
        head = PreparedHead.of(sampled, self.rule)
        slots = Slots(self.vectors[self.items], self.biases[self.items], places[self.items])
        return head, slots


def some_world(shape: tuple[int, ...], scale: float, seed: int) -> World:
    entities, slots, items, draws, width, steps = shape
    random = torch.Generator().manual_seed(seed)
    normal = partial(torch.randn, generator=random, dtype=torch.float64)
    weights = normal(entities, slots)
    return World(
        vectors=normal(items, width) * scale,
        biases=normal(items) * scale,
        draws=torch.randint(items, (draws,), generator=random),
        log_q=normal(items),
        items=torch.stack([torch.randperm(items, generator=random)[:slots]] * entities),
        weights=weights.where(weights.abs() > 0.4, 0),
        rule=Rule(
            prior=normal(width),
            steps=normal(steps, width).exp() * 0.3,
            rho=normal(()),
            pull=normal(width),
            threshold=normal(()),
        ),
    )


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-7, atol=1e-7)


@often
@given(sizes, scales, seeds)
def test_it_equals_the_inner_loop_from_the_prior_of_all(
    shape: tuple[int, ...], scale: float, seed: int
) -> None:
    world = some_world(shape, scale, seed)
    head, slots = world.prepared()
    fast = head.adapt(slots, world.rule.prior.expand(shape[0], -1), world.weights.unsqueeze(1))
    close(fast.squeeze(1), adapt_ranking_head(world.task, world.rule))


@often
@given(sizes, scales, seeds)
def test_it_equals_the_inner_loop_from_priors_of_each(
    shape: tuple[int, ...], scale: float, seed: int
) -> None:
    world = some_world(shape, scale, seed)
    head, slots = world.prepared()
    random = torch.Generator().manual_seed(seed)
    priors = torch.randn(shape[0], shape[4], generator=random, dtype=torch.float64)
    fast = head.adapt(slots, priors, world.weights.unsqueeze(1))
    close(fast.squeeze(1), adapt_ranking_head(world.task, world.rule._replace(prior=priors)))


@often
@given(sizes, scales, seeds)
def test_ways_to_use_a_support_are_like_supports_of_their_own(
    shape: tuple[int, ...], scale: float, seed: int
) -> None:
    world = some_world(shape, scale, seed)
    head, slots = world.prepared()
    kept = 1 - torch.eye(shape[1], dtype=torch.float64)
    ways = world.weights.unsqueeze(1) * kept
    together = head.adapt(slots, world.rule.prior.expand(shape[0], -1), ways)
    for way in range(shape[1]):
        alone = world._replace(weights=ways[:, way])
        close(together[:, way], adapt_ranking_head(alone.task, world.rule))


@often
@given(sizes, scales, seeds)
def test_an_empty_support_returns_the_prior_exactly(
    shape: tuple[int, ...], scale: float, seed: int
) -> None:
    world = some_world(shape, scale, seed)
    head, slots = world.prepared()
    prior = world.rule.prior.expand(shape[0], -1)
    fast = head.adapt(slots, prior, torch.zeros_like(world.weights).unsqueeze(1))
    assert torch.equal(fast.squeeze(1), prior)
