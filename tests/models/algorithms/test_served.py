"""Whatever is prepared for serving gives what the algorithm itself gives."""

import pytest
import torch
from torch import Tensor

from models import algorithms
from models.algorithms import served
from models.algorithms.interface import Trainable
from models.algorithms.scoring import personalise
from models.algorithms.served import Served
from models.shapes import Features, Support
from tests.models.algorithms.given import (
    CONFIG,
    ENTITIES,
    ITEMS,
    OPEN,
    Slow,
    all_in_force,
    close,
    some_profile,
    some_support,
    with_tables,
)
from tests.models.generated_data import generated_interactions, generated_tastes


def slow_of(algorithm: Trainable, tables: dict[str, float]) -> Slow:
    """Not trained, but nothing is where it starts; in the precision of the engine."""
    met = generated_interactions(300, ITEMS)
    start, random = (
        algorithm.initial(met, generated_tastes(met), seed=5),
        torch.Generator().manual_seed(1),
    )
    for name in sorted({*algorithm.rates(), "profile_map"}):
        start[name] = start[name] + 0.1 * torch.randn(start[name].shape, generator=random)
    slow = with_tables(start, OPEN | tables)
    return {
        name: value.double()
        if value.is_floating_point() and name not in algorithm.per_item
        else value
        for name, value in slow.items()
    }


def both_ways(
    algorithm: Trainable, slow: Slow, support: Support, profile: Features
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Fast weights and gates as served, and as the algorithm says."""
    prior = algorithm.prior(slow, profile)
    expected = personalise(algorithm, slow, support, profile)
    actual = Served.of(algorithm, slow).personalise(prior, support)
    return actual, (expected.fast, expected.gate)


@pytest.mark.parametrize("caution", [0.0, 0.5])
@pytest.mark.parametrize("name", algorithms.names())
def test_it_equals_the_algorithm(name: str, caution: float) -> None:
    algorithm = algorithms.trainable(name, CONFIG)
    slow = slow_of(algorithm, all_in_force(algorithm) | {"caution": caution})
    for profile in (some_profile(), Features.none(ENTITIES)):
        actual, expected = both_ways(algorithm, slow, some_support(), profile)
        for one, other in zip(actual, expected, strict=True):
            close(one, other)


def test_a_doubtful_support_closes_the_gate() -> None:
    """The case above is not empty: some of its supports do not vouch for adapting."""
    algorithm = algorithms.trainable("meta-sgd", CONFIG)
    slow = slow_of(algorithm, {"caution": 0.5})
    (_, gate), _ = both_ways(algorithm, slow, some_support(), some_profile())
    assert (gate < 1).any()


def test_more_supports_than_are_adapted_to_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_ROWS", 3)
    algorithm = algorithms.trainable("meta-sgd", CONFIG)
    slow = slow_of(algorithm, {"caution": 0.5})
    actual, expected = both_ways(algorithm, slow, some_support(), some_profile())
    for one, other in zip(actual, expected, strict=True):
        close(one, other)


def test_nobody_and_supports_without_slots() -> None:
    algorithm = algorithms.trainable("meta-sgd", CONFIG)
    slow = slow_of(algorithm, {"caution": 0.5})
    support = some_support()
    for given in (
        Support(support.items[:0], support.weights[:0]),
        Support(support.items[:, :0], support.weights[:, :0]),
    ):
        profile = some_profile().of(range(len(given.items)))
        fast, gate = Served.of(algorithm, slow).personalise(algorithm.prior(slow, profile), given)
        assert torch.equal(fast, algorithm.prior(slow, profile))
        assert gate.shape == fast.shape[:1]


def test_padding_of_the_batch_costs_nothing_and_changes_nothing() -> None:
    algorithm = algorithms.trainable("meta-sgd", CONFIG)
    slow, support = slow_of(algorithm, {"caution": 0.5}), some_support()
    prior = algorithm.prior(slow, some_profile())
    padded = Support(
        torch.nn.functional.pad(support.items, (0, 40)),
        torch.nn.functional.pad(support.weights, (0, 40)),
    )
    served_by = Served.of(algorithm, slow)
    plain, wide = served_by.personalise(prior, support), served_by.personalise(prior, padded)
    for one, other in zip(plain, wide, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("left_out", ["caution", "shrunk_weight", "profile_weight"])
@pytest.mark.parametrize("name", algorithms.names())
def test_what_is_brought_to_mind_equals_what_the_algorithm_recollects(
    name: str, left_out: str
) -> None:
    algorithm = algorithms.trainable(name, CONFIG)
    slow = slow_of(algorithm, all_in_force(algorithm) | {left_out: 0.0})
    served_by, support = Served.of(algorithm, slow), some_support()
    for profile in (some_profile(), Features.none(ENTITIES)):
        personal = personalise(algorithm, slow, support, profile)
        expected, actual = (
            torch.zeros(ENTITIES, ITEMS).scatter_add(1, items, scores.float())
            for items, scores in (
                algorithm.recollect(slow, personal, support, profile),
                served_by.recollect(personal, support, profile),
            )
        )
        assert expected.abs().sum() > 0
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_nothing_is_brought_to_mind_where_no_memory_counts() -> None:
    algorithm = algorithms.trainable("meta-sgd", CONFIG)
    silent = {name: 0.0 for name in algorithm.blended() if name.endswith("_weight")}
    slow, support = slow_of(algorithm, silent), some_support()
    personal = personalise(algorithm, slow, support, some_profile())
    recollection = Served.of(algorithm, slow).recollect(personal, support, some_profile())
    assert recollection.items.shape == recollection.scores.shape == (ENTITIES, 0)


@pytest.mark.parametrize("name", algorithms.names())
def test_directions_are_how_the_algorithm_scores_unit_vectors(name: str) -> None:
    algorithm = algorithms.trainable(name, CONFIG)
    slow = slow_of(algorithm, all_in_force(algorithm))
    personal = personalise(algorithm, slow, some_support(), some_profile())
    found = Served.of(algorithm, slow).directions(personal)
    if algorithm.retrieval != "dot":
        assert found is None
        return
    assert found is not None
    units = torch.eye(algorithm.item_rows(slow).shape[1], dtype=torch.float64)
    close(found, algorithm.score(slow, personal, units))
