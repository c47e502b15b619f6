"""Laws of everything that learns from a support without regard to its order."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from models.inner import Params
from models.latent import LatentSpace, adapt_latents, encode
from models.lstm_rule import LSTMRule, adapt_by_rule
from models.metric_learning import evidence, prototypes

CLASSES, WIDTH = 3, 4
Core = Callable[[Tensor, Tensor], Tensor]

several = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.tuples(st.integers(1, 4), st.integers(1, 7))


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def losses(weights: Tensor, data: tuple[Tensor, Tensor]) -> Tensor:
    """[B] mean cross-entropy of weights [B, C, d]; 0 without a support."""
    support, labels = data
    likelihoods = (support @ weights.mT).log_softmax(-1) * labels
    return -likelihoods.sum((1, 2)) / labels.sum((1, 2)).clamp_min(1)


def matching(support: Tensor, labels: Tensor) -> Tensor:
    queries, temperature = random(5, WIDTH), torch.tensor(0.2, dtype=torch.float64)
    return evidence(queries, support, labels, temperature, torch.zeros_like(temperature))


def prototypical(support: Tensor, labels: Tensor) -> Tensor:
    return prototypes(support, labels, random(CLASSES, WIDTH), torch.tensor(0.5))


def lstm_learner(support: Tensor, labels: Tensor) -> Tensor:
    """As a departure from the prior, so that forgetting leads back to it."""
    rule = LSTMRule(random(7, seed=1), random(7, seed=2))
    prior = random(CLASSES, WIDTH)

    def departed(params: Params, data: tuple[Tensor, Tensor]) -> Tensor:
        return losses(prior + params["departure"], data)

    start = {"departure": torch.zeros(len(support), CLASSES, WIDTH, dtype=torch.float64)}
    return prior + adapt_by_rule(departed, start, (support, labels), rule, 3)["departure"]


def leo(support: Tensor, labels: Tensor) -> Tensor:
    space = LatentSpace(
        encoder=random(3, WIDTH),
        first_relation=random(5, 6, seed=1),
        last_relation=random(4, 5, seed=2) / 4,
        decoder=random(2, 2 * WIDTH, seed=3),
        deviation=torch.tensor(0.0),
        steps=torch.tensor([0.3, 0.2]),
        fine_steps=torch.tensor([0.1]),
    )
    first = encode(space, support, labels)
    return adapt_latents(space, losses, first, (support, labels)).weights


PRIORS: dict[Core, Tensor] = {
    prototypical: random(CLASSES, WIDTH),
    lstm_learner: random(CLASSES, WIDTH),
    leo: torch.zeros(CLASSES, WIDTH).double(),
}

CORES = (matching, *PRIORS)
every_core = pytest.mark.parametrize("core", CORES, ids=lambda core: core.__name__)


def random_support(size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """Examples and their labels, some slots unused."""
    support = random(*size, WIDTH, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(CLASSES + 1, size, generator=generator)
    return support, torch.eye(CLASSES + 1, dtype=torch.float64)[classes][..., :CLASSES]


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


@every_core
@several
@given(sizes, seeds)
def test_the_order_of_the_support_does_not_matter(
    core: Core, size: tuple[int, int], seed: int
) -> None:
    support, labels = random_support(size, seed)
    order = torch.randperm(size[1], generator=torch.Generator().manual_seed(seed))
    close(core(support[:, order], labels[:, order]), core(support, labels))


@every_core
@several
@given(sizes, seeds, st.integers(1, 4))
def test_padding_changes_nothing(core: Core, size: tuple[int, int], seed: int, more: int) -> None:
    support, labels = random_support(size, seed)
    junk = torch.full((size[0], more, WIDTH), 7.0, dtype=torch.float64)
    unused = torch.zeros(size[0], more, CLASSES, dtype=torch.float64)
    padded = core(torch.cat([support, junk], 1), torch.cat([labels, unused], 1))
    close(padded, core(support, labels))


@every_core
@several
@given(sizes, seeds)
def test_batched_equals_looped(core: Core, size: tuple[int, int], seed: int) -> None:
    support, labels = random_support(size, seed)
    alone = [core(support[[task]], labels[[task]]) for task in range(size[0])]
    close(core(support, labels), torch.cat(alone))


@pytest.mark.parametrize("core", PRIORS, ids=lambda core: core.__name__)
@pytest.mark.parametrize("slots", [0, 3])
def test_an_empty_support_returns_the_prior_exactly(core: Core, slots: int) -> None:
    labels = torch.zeros(2, slots, CLASSES, dtype=torch.float64)
    found = core(random(2, slots, WIDTH), labels)
    assert torch.equal(found, PRIORS[core].expand_as(found))
