"""What first users teach of new items, on generated data without any property."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms, first_users
from models.algorithms import company as by_company
from models.config import RankerConfig
from models.data import Dataset, split
from models.first_users import DOUBTS, FirstUsers, company_of, fitted, windows
from models.newcomers import SURE, Newcomers
from models.shapes import Company, Features
from models.validation import Exam
from tests.models.generated_data import KINDS, generated_dataset, generated_interactions

ITEMS = 160
ALGORITHM = algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=64))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"), users=500, items=ITEMS)


class Taught:
    def __init__(self, dataset: Dataset) -> None:
        parts = split(dataset, 0)
        shape = len(dataset.user_ids), len(dataset.item_ids)
        ones = np.ones(len(dataset.user))
        met = csr_array((ones, (dataset.user, dataset.item)), shape=shape)[parts.train]
        profiles = Features.none(len(dataset.user_ids))
        self.exam = Exam.of(dataset, parts.validation, profiles, "random", 0)
        self.start = ALGORITHM.initial(met, csr_array((met.shape[0], 0)), 0)
        newcomers = Newcomers(Features.none(ITEMS), 0, np.asarray(met.sum(0)).ravel(), met.shape[0])
        self.users = FirstUsers(newcomers, None, met, 0)

    def slow(self) -> dict[str, Tensor]:
        return self.users.taught(ALGORITHM, self.start, self.exam)


@pytest.fixture(scope="module")
def taught(dataset: Dataset) -> Taught:
    return Taught(dataset)


def test_first_users_help_where_nothing_else_is_known(taught: Taught) -> None:
    learned = taught.slow()
    assert learned.keys() == by_company.TENSORS
    assert float(learned["company_doubt"]) in DOUBTS
    assert all(learned[name].shape == (51,) for name in by_company.PLACING)
    assert all(torch.equal(value, learned[name]) for name, value in taught.slow().items())


def test_nothing_is_learned_where_every_place_does_harm(
    taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_users, "SHIFTS", (50.0,))
    assert taught.slow() == {}


def test_nothing_is_learned_where_nobody_is_asked(dataset: Dataset, taught: Taught) -> None:
    nobody = Exam.of(dataset, np.zeros(0, np.int64), taught.exam.profiles, "random", 0)
    assert taught.users.taught(ALGORITHM, taught.start, nobody) == {}


def test_company_foretells_the_kind(taught: Taught) -> None:
    """An item whose users know items of one kind lies where those do."""
    slow = taught.start | fitted(taught.start["item_vectors"], taught.users.met)
    slow |= {"company_doubt": torch.tensor(1e-6)}
    kinds = torch.arange(ITEMS).view(-1, KINDS).T
    company = Company(kinds, torch.full(kinds.shape, KINDS / ITEMS), torch.ones(KINDS))
    near = by_company.vectors(slow, torch.zeros(KINDS, 8), company) @ slow["item_vectors"].T
    assert near.view(KINDS, -1, KINDS).mean(1).argmax(1).tolist() == list(range(KINDS))


def test_the_map_leaves_the_item_itself_out() -> None:
    """By hand: each user's history without the item, then their mean."""
    met = generated_interactions(40, 16)
    vectors = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    dense, known = met.toarray(), vectors.double().numpy()
    near = np.array(
        [
            np.mean(
                [
                    (row @ known - known[item]) / (row.sum() - 1)
                    for row in dense[dense[:, item] > 0]
                ],
                0,
            )
            for item in range(16)
        ]
    )
    sure = dense.sum(0) / (dense.sum(0) + SURE)
    learned = fitted(vectors, met)
    expected = np.average(near, axis=0, weights=sure)
    assert learned["company_mean"].numpy() == pytest.approx(expected, abs=1e-5)
    rest = (near - learned["company_mean"].numpy()) @ learned["company_map"].numpy()
    left = known - learned["company_base"].numpy() - rest
    assert (left**2 * sure[:, None]).sum() < ((known - known.mean(0)) ** 2 * sure[:, None]).sum()


def test_windows_keep_what_is_remembered() -> None:
    met = csr_array(np.concatenate([np.ones((1, 80)), np.eye(3, 80), np.zeros((1, 80))]))
    found = windows(met, np.random.default_rng(0)).toarray()
    assert (found > 0).sum(1).tolist() == [50, 1, 1, 1, 0]
    assert found.sum(1).tolist() == pytest.approx([1, 1, 1, 1, 0])
    assert (found <= met.toarray()).all()


def test_every_first_user_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = windows(csr_array(np.array([[1, 1, 1, 1], [0, 0, 0, 1]])), np.random.default_rng(0))
    users = [np.array([0, 1]), np.array([1]), np.zeros(0, np.int64)]
    company = company_of(known, users)
    found = torch.zeros(3, 4).scatter_add(1, company.items, company.shares)
    assert found.flatten().tolist() == [0.125] * 3 + [0.625, 0, 0, 0, 1, 0, 0, 0, 0]
    assert company.users.tolist() == [2, 1, 0]
    monkeypatch.setattr(first_users, "MOST_COMPANY", 1)
    assert company_of(known, users).items.tolist() == [[3], [3], [0]]
