"""What Meta-SGD promises to serving: the prior, the gate, the directions of like and dislike."""

import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms.meta_sgd import MetaSGD
from models.config import RankerConfig
from models.errors import UnknownAlgorithm
from models.shapes import Episode, Support
from tests.models.generated_data import KINDS, generated_frame

ITEMS = 60


@pytest.fixture(scope="module")
def interactions() -> csr_array:
    frame = generated_frame(users=300, items=ITEMS)
    users = frame["user_id"].str.slice(1).cast(int).to_numpy()
    items = frame["item_id"].str.slice(1).cast(int).to_numpy()
    seen: csr_array = csr_array((items * 0 + 1.0, (users, items)), shape=(300, ITEMS))
    return seen


@pytest.fixture(scope="module")
def slow(interactions: csr_array) -> dict[str, Tensor]:
    return algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=32)).initial(
        interactions, seed=5
    )


def support(items: list[list[int]], weights: list[list[float]]) -> Support:
    return Support(torch.tensor(items), torch.tensor(weights))


def scores(slow: dict[str, Tensor], given: Support) -> Tensor:
    algorithm = algorithms.get("meta-sgd")
    fast = algorithm.adapt(slow, given)
    return algorithm.query(slow, fast, given.shots) @ algorithm.item_rows(slow).T


def test_the_registry_knows_its_names() -> None:
    assert algorithms.names() == ("meta-sgd",)
    assert algorithms.get("meta-sgd").name == "meta-sgd"
    with pytest.raises(UnknownAlgorithm, match="known: meta-sgd"):
        algorithms.get("mega-sgd")


def test_nothing_known_is_exactly_popularity(slow: dict[str, Tensor]) -> None:
    nothing = support([[0, 0], [4, 7]], [[0, 0], [0, 0]])
    assert torch.equal(scores(slow, nothing), slow["popularity"].expand(2, -1))
    learned = slow | {"prior": torch.ones(8)}
    fast = algorithms.get("meta-sgd").adapt(learned, nothing)
    assert torch.equal(fast, learned["prior"].expand(2, -1))


def test_a_like_raises_its_kind_and_a_dislike_lowers_it(slow: dict[str, Tensor]) -> None:
    """Items of one kind are met by the same users, see the generator."""
    for item in range(12):
        similar = (torch.arange(ITEMS) % KINDS == item % KINDS) & (torch.arange(ITEMS) != item)
        neutral, liked, disliked = scores(
            slow | {"gate": torch.ones(51)}, support([[item]] * 3, [[0.0], [1.0], [-1.0]])
        )
        for changed, direction in ((liked, 1), (disliked, -1)):
            shift = (changed - neutral) * direction
            assert shift[similar].mean() > 0
            assert shift[similar].mean() > shift[~similar].mean()


def test_a_dislike_beside_likes_lowers_its_kind(slow: dict[str, Tensor]) -> None:
    similar = (torch.arange(ITEMS) % KINDS == 1) & (torch.arange(ITEMS) != 5)
    given = support([[0, 4, 5], [0, 4, 5]], [[1.0, 1.0, 0.0], [1.0, 1.0, -1.0]])
    without, with_dislike = scores(slow, given).log_softmax(-1)
    assert with_dislike[similar].mean() < without[similar].mean()


@pytest.mark.parametrize("weight", [1e-6, 1.0, -1.0, 1e6, -1e6])
def test_no_weight_blows_up(slow: dict[str, Tensor], weight: float) -> None:
    given = support([[1, 2, 3]], [[weight, -weight, weight]])
    assert scores(slow, given).isfinite().all()


def test_a_catalogue_that_is_all_support_stays_finite(slow: dict[str, Tensor]) -> None:
    everything = Support(torch.arange(ITEMS)[None], torch.ones(1, ITEMS))
    assert scores(slow, everything).isfinite().all()


def test_the_gate_is_interpolated_and_clamped(slow: dict[str, Tensor]) -> None:
    table = torch.linspace(0, 1, 51)
    gates = algorithms.get("meta-sgd").gate(
        slow | {"gate": table}, torch.tensor([0.0, 0.2, 1.0, 49.5, 50.0, 400.0])
    )
    expected = torch.tensor([0.0, 0.2 * table[1], table[1], (table[49] + 1) / 2, 1.0, 1.0])
    torch.testing.assert_close(gates, expected)


def test_the_gate_blends_popularity_and_adaptation(slow: dict[str, Tensor]) -> None:
    given = support([[3, 9]], [[1.0, 1.0]])
    adapted = scores(slow | {"gate": torch.ones(51)}, given)
    half = scores(slow | {"gate": torch.full((51,), 0.5)}, given)
    torch.testing.assert_close(half, (adapted + slow["popularity"]) / 2)


def test_serving_may_adapt_in_double_precision(slow: dict[str, Tensor]) -> None:
    algorithm = algorithms.get("meta-sgd")
    wide = {
        name: value.double()
        if value.is_floating_point() and name not in algorithm.per_item
        else value
        for name, value in slow.items()
    }
    given = support([[3, 9]], [[1.0, -0.5]])
    fast = algorithm.adapt(wide, given)
    assert fast.dtype == torch.float64
    assert algorithm.query(wide, fast, given.shots).dtype == torch.float64
    torch.testing.assert_close(fast.float(), algorithm.adapt(slow, given), rtol=1e-4, atol=1e-5)


def test_a_new_item_is_as_popular_as_the_average(slow: dict[str, Tensor]) -> None:
    row = algorithms.get("meta-sgd").new_item_row(slow)
    assert row.shape == algorithms.get("meta-sgd").item_rows(slow)[0].shape
    assert torch.equal(row[:-2], torch.zeros(8))
    torch.testing.assert_close(row[-2:].exp(), slow["popularity"].exp().mean().expand(2))


def test_vectors_are_the_best_approximation_of_the_correlations(interactions: csr_array) -> None:
    """Inner products are the damped correlations without their smallest directions."""
    algorithm = algorithms.trainable("meta-sgd", RankerConfig(dimension=12))
    vectors = algorithm.initial(interactions, 0)["item_vectors"].double()
    dense = torch.from_numpy(interactions.toarray())
    mean = dense.mean(0)
    scaled = (dense - mean) / (mean * (1 - mean) + 0.02).sqrt()
    sizes, directions = torch.linalg.eigh(scaled.T @ scaled / len(dense))
    best = directions[:, -12:] * sizes[-12:] @ directions[:, -12:].T
    torch.testing.assert_close(vectors @ vectors.T, best, rtol=1e-4, atol=1e-5)


def test_narrow_data_gets_no_more_directions_than_it_has() -> None:
    few: csr_array = csr_array(torch.eye(4, 6).numpy().astype(float))
    slow = algorithms.trainable("meta-sgd", RankerConfig(dimension=8)).initial(few, 0)
    assert slow["item_vectors"].shape == (6, 8)
    assert slow["item_vectors"].isfinite().all()


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
    episode = Episode(support([[1, 2]], [[1.0, 1.0]]), query)
    one, same, other = (
        algorithm.outer_loss(slow, episode, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other
    assert algorithm.outer_loss(slow, episode, None) == algorithm.outer_loss(slow, episode, None)
