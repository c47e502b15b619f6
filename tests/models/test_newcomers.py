"""What hidden items teach of items that nobody has met, on generated data."""

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models import algorithms
from models.config import RankerConfig
from models.data import Dataset, read, split
from models.encoders import Encoders
from models.newcomers import Newcomers, hidden_samples, trusted_chances
from models.shapes import Features
from models.validation import Exam
from tests.models.generated_data import KINDS, generated_frame

ITEMS = 160
ALGORITHM = algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=64))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Every item says of which kind it is, and a few words that tell nothing."""
    folder = tmp_path_factory.mktemp("generated")
    generated_frame(users=500, items=ITEMS).write_parquet(folder / "interactions.parquet")
    random = np.random.default_rng(0)
    pl.DataFrame(
        {
            "item_id": [f"i{number:03d}" for number in range(ITEMS)],
            "kind": [f"kind {number % KINDS}" for number in range(ITEMS)],
            "words": [[f"w{word}" for word in random.integers(0, 30, 3)] for _ in range(ITEMS)],
        }
    ).write_parquet(folder / "items.parquet")
    return read(folder)


class Taught:
    """Untrained slow weights of the training users, and what they teach of new items."""

    def __init__(self, dataset: Dataset) -> None:
        parts = split(dataset, 0)
        ones = np.ones(len(dataset.user))
        shape = len(dataset.user_ids), len(dataset.item_ids)
        met = csr_array((ones, (dataset.user, dataset.item)), shape=shape)[parts.train]
        self.encoders = Encoders.fit(dataset, parts.train)
        self.contents = self.encoders.contents(dataset)
        profiles = Features.none(len(dataset.user_ids))
        self.exam = Exam.of(dataset, parts.validation, profiles, "random", 0)
        self.start = ALGORITHM.initial(met, csr_array((met.shape[0], 0)), 0)
        self.counts: NDArray[np.float64] = np.asarray(met.sum(0)).ravel()
        newcomers = Newcomers(self.contents, self.encoders.items.size, self.counts, met.shape[0])
        likeness = newcomers.likeness(self.start, 0)
        self.taught, self.recalls = newcomers.taught(ALGORITHM, self.start, self.exam, 0, likeness)
        self.slow = self.start | self.taught


@pytest.fixture(scope="module")
def taught(dataset: Dataset) -> Taught:
    return Taught(dataset)


def test_a_kind_foretells_the_vector(taught: Taught) -> None:
    """New items of a kind lie where trained ones of that kind do."""
    new = taught.encoders.items.encode([{"kind": f"kind {kind}"} for kind in range(KINDS)])
    vectors = ALGORITHM.content_rows(taught.slow, new)[:, :-2]
    for kind in range(KINDS):
        near = vectors[kind] @ taught.slow["item_vectors"].T
        by_kind = near.view(-1, KINDS).mean(0)
        assert int(by_kind.argmax()) == kind


def test_kin_are_of_the_same_kind(taught: Taught) -> None:
    new = taught.encoders.items.encode([{"kind": f"kind {kind}"} for kind in range(KINDS)])
    kin = ALGORITHM.kin(taught.slow, new)
    for kind in range(KINDS):
        same = kin.items[kind] % KINDS == kind
        assert kin.shares[kind][same].sum() > 0.99


def test_expected_rates_are_right_on_average(taught: Taught) -> None:
    rates = ALGORITHM.content_rows(taught.slow, taught.contents)[:, -1].exp()
    users = taught.slow["popularity"].exp()
    assert float(rates.mean()) == pytest.approx(float(users.mean()), rel=0.3)


def test_hidden_items_reach_the_lists(taught: Taught) -> None:
    assert list(taught.recalls) == [0, 1, 2, 3, 5, 10]
    assert taught.recalls[5]["new_recall@100"] > 0.5
    for name in ("content_weight", "content_shift"):
        assert taught.taught[name].shape == (51,)


def test_the_same_seed_teaches_the_same(dataset: Dataset, taught: Taught) -> None:
    again = Taught(dataset).taught
    assert again.keys() == taught.taught.keys()
    for name, tensor in taught.taught.items():
        assert torch.equal(again[name], tensor)
        assert tensor.shape[1:] == taught.slow[name].shape[1:]


def test_nothing_is_taught_where_nothing_is_known(taught: Taught) -> None:
    nothing = Newcomers(Features.none(ITEMS), 0, taught.counts, 100)
    likeness = nothing.likeness(taught.start, 0)
    assert likeness is None
    assert nothing.taught(ALGORITHM, taught.start, taught.exam, 0, likeness) == ({}, {})


@pytest.mark.parametrize(
    ("items", "samples", "size"),
    [(0, 0, 0), (3, 0, 0), (7, 7, 1), (160, 4, 40), (1000, 5, 200), (10**5, 8, 2000)],
)
def test_samples_have_no_item_in_common(items: int, samples: int, size: int) -> None:
    hidden = hidden_samples(items, 0)
    assert len(hidden) == samples
    assert all(one.sum() == size for one in hidden)
    assert samples == 0 or np.sum(hidden, axis=0).max() == 1


@pytest.mark.parametrize("true", [1.0, 30.0, 1000.0])
def test_the_trust_in_rates_is_found(true: float) -> None:
    random = np.random.default_rng(1)
    expected = random.uniform(0.01, 0.2, 4000)
    rates = random.gamma(true * expected, 1 / true)
    found = trusted_chances(random.poisson(500 * rates).astype(float), expected, 500)
    assert found == pytest.approx(true, rel=0.35)
