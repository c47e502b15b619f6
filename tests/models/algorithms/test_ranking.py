"""What all ranking algorithms inherit, tried on the simplest of them."""

import pytest
import torch
from torch import Tensor

from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.recall import at_shots
from models.config import RankerConfig
from models.shapes import Episode, Features, Support
from tests.models.algorithms.given import ITEMS, close, scores_of, with_tables
from tests.models.generated_data import KINDS, generated_interactions, generated_tastes

ALGORITHM = MetaSGD(RankerConfig(dimension=8, negatives=32))


@pytest.fixture(scope="module")
def slow() -> dict[str, Tensor]:
    met = generated_interactions(300, ITEMS)
    return ALGORITHM.initial(met, generated_tastes(met), seed=5)


def test_tables_are_interpolated_and_clamped(slow: dict[str, Tensor]) -> None:
    table = torch.linspace(0, 1, 51)
    shots = torch.tensor([0.0, 0.2, 1.0, 49.5, 50.0, 400.0])
    expected = torch.tensor([0.0, 0.2 * table[1], table[1], (table[49] + 1) / 2, 1.0, 1.0])
    torch.testing.assert_close(at_shots({"reach": table}, "reach", shots), expected)


def test_evidence_is_what_the_others_say_of_each_event(slow: dict[str, Tensor]) -> None:
    """The definition, event by event; dislikes teach but are not foretold."""
    given = Support(torch.tensor([[4, 8, 9, 1, 0]]), torch.tensor([[1.0, 2.0, 1.0, -1.0, 0.0]]))
    prior = ALGORITHM.prior(slow, Features.none(1))
    sampled = [item for item in slow["negatives"].tolist() if item not in {4, 8, 9, 1}]
    log_q = dict(zip(slow["negatives"].tolist(), slow["negative_log_q"].tolist(), strict=True))
    corrections = torch.tensor([log_q[item] for item in sampled])
    gains = []
    for place in range(3):
        weights = given.weights.clone()
        weights[0, place] = 0
        fast = ALGORITHM.adapt(slow, prior, Support(given.items, weights))[0]
        item = int(given.items[0, place])
        likelihoods = []
        for departures in (slow["item_vectors"] @ fast, torch.zeros(ITEMS)):
            logits = slow["item_biases"] + departures
            rivals = torch.cat([logits[[item]], logits[sampled] - corrections])
            likelihoods.append(logits[item] - rivals.logsumexp(0))
        gains.append(likelihoods[0] - likelihoods[1])
    expected = torch.stack(gains).mean(0, keepdim=True)
    torch.testing.assert_close(ALGORITHM.evidence(slow, prior, given), expected)


def test_the_gate_closes_where_a_support_does_not_foretell_itself(slow: dict[str, Tensor]) -> None:
    alike, mixed = torch.arange(0, 8 * KINDS, KINDS), torch.arange(30, 38)
    support = Support(torch.stack([alike, mixed]), torch.ones(2, 8))
    prior = ALGORITHM.prior(slow, Features.none(2))
    evidence = ALGORITHM.evidence(slow, prior, support)
    careless, careful = (
        ALGORITHM.gate(with_tables(slow, {"gate": 0.8, "caution": caution}), prior, support)
        for caution in (0.0, 0.1)
    )
    assert torch.equal(careless, torch.full((2,), 0.8))
    torch.testing.assert_close(careful, 0.8 * (1 + 0.1 * evidence.clamp_max(0)).clamp_min(0))
    assert careful[0] == careless[0]
    assert careful[1] < careless[1]


def test_the_reach_scales_the_departure(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[3, 9]]), torch.ones(1, 2))
    near, far = (
        scores_of(ALGORITHM, with_tables(slow, {"reach": reach}), given, Features.none(1))
        for reach in (0.5, 2.0)
    )
    torch.testing.assert_close(far - slow["item_biases"], 4 * (near - slow["item_biases"]))


def test_the_prior_of_a_profile_ranks_by_its_direction(slow: dict[str, Tensor]) -> None:
    """The first fast weights are a linear head, so a feature is worth its dot with the item."""
    directions = torch.randn(KINDS, 8, generator=torch.Generator().manual_seed(0))
    learned = with_tables(slow | {"profile_map": directions}, {"gate": 1.0})
    profile = Features(torch.tensor([[2, 1]]), torch.tensor([[1.0, -0.5]]))
    nothing = Support(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1))
    told = scores_of(ALGORITHM, learned, nothing, profile)
    untold = scores_of(ALGORITHM, learned, nothing, Features.none(1))
    expected = slow["item_vectors"] @ (directions[2] - 0.5 * directions[1])
    torch.testing.assert_close((told - untold)[0], expected)


def test_a_new_item_is_as_popular_as_the_average(slow: dict[str, Tensor]) -> None:
    rows = ALGORITHM.content_rows(slow, Features.none(3))
    assert rows.shape == (3, ALGORITHM.item_rows(slow).shape[1])
    assert torch.equal(rows[:, :-2], torch.zeros(3, 8))
    torch.testing.assert_close(rows[:, -2:].exp(), slow["popularity"].exp().mean().expand(3, 2))


def test_the_sampled_partition_is_unbiased(slow: dict[str, Tensor]) -> None:
    """Drawn by popularity and corrected by log q, the negatives stand for the whole catalogue."""
    algorithm = MetaSGD(RankerConfig(dimension=8, negatives=40))
    exact = slow["item_biases"].exp().sum()
    generator = torch.Generator().manual_seed(0)
    estimates = []
    for _ in range(400):
        drawn = algorithm.redraw(slow, generator)
        logits = slow["item_biases"][drawn["negatives"]] - drawn["negative_log_q"]
        estimates.append(logits.exp().sum())
    torch.testing.assert_close(torch.stack(estimates).mean(), exact, rtol=0.02, atol=0)


def test_a_small_catalogue_is_taken_whole(slow: dict[str, Tensor]) -> None:
    drawn = MetaSGD(RankerConfig(negatives=ITEMS)).redraw(slow, torch.Generator())
    assert torch.equal(drawn["negatives"], torch.arange(ITEMS))
    assert torch.equal(drawn["negative_log_q"], torch.zeros(ITEMS))


def test_dropout_follows_its_generator(slow: dict[str, Tensor]) -> None:
    algorithm = MetaSGD(RankerConfig(dimension=8, dropout=0.5))
    query = torch.zeros(1, ITEMS)
    query[0, 20:25] = 1
    support = Support(torch.tensor([[1, 2]]), torch.ones(1, 2))
    episode = Episode(support, Features.none(1), query)
    one, same, other = (
        algorithm.outer_loss(slow, episode, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
    assert algorithm.outer_loss(slow, episode, None) == algorithm.outer_loss(slow, episode, None)


def test_dropout_keeps_the_mean() -> None:
    algorithm = MetaSGD(RankerConfig(dropout=0.3))
    dropped = algorithm.dropped(torch.ones(200, 200), torch.Generator().manual_seed(0))
    assert ((dropped == 0) | (dropped == dropped.max())).all()
    close(dropped.mean(), torch.tensor(1.0), 0.02)


def test_popularity_moves_from_what_is_expected_to_what_happens(slow: dict[str, Tensor]) -> None:
    rows = ALGORITHM.content_rows(slow, Features.none(4))
    met = torch.tensor([0.0, 0.0, 30.0, 900.0], dtype=torch.float64)
    of_all = torch.tensor([0.0, 500.0, 500.0, 1000.0], dtype=torch.float64)
    shift = ALGORITHM.popularity_shift(slow, rows, met, of_all)
    rates = slow["popularity"].double().exp()
    chances = of_all / rates.sum()
    close(shift.exp() * rates.mean(), (met + 10 * rates.mean()) / (chances + 10), 1e-6)
    assert shift[0].abs() < 1e-9
    assert shift[1] < 0 < shift[2] < shift[3]
