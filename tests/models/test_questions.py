"""Whom to ask how often."""

from pathlib import Path

import numpy as np
import pytest

from models.data import Dataset
from models.questions import ask, ask_to_choose
from tests.models.generated_data import generated_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.mark.parametrize(("users", "times"), [(400, 1), (399, 2), (100, 4), (3, 16)])
def test_few_users_choose_after_several_shuffles(dataset: Dataset, users: int, times: int) -> None:
    asked = ask_to_choose(dataset, np.arange(users), "random", 0)
    assert np.bincount(asked.users).tolist() == [times] * users


def test_time_is_asked_once(dataset: Dataset) -> None:
    asked = ask_to_choose(dataset, np.arange(3), "time", 0)
    assert asked.users.tolist() == [0, 1, 2]


def test_every_seed_asks_about_another_support_of_the_same_size(dataset: Dataset) -> None:
    twice = ask(dataset, np.array([5, 7]), "random", (0, 1))
    assert twice.users.tolist() == [5, 7, 5, 7]
    assert twice.sizes[:2].tolist() == twice.sizes[2:].tolist()
    assert not np.array_equal(twice.pool[:2], twice.pool[2:])


def test_a_larger_pool_still_leaves_half_to_the_query(dataset: Dataset, tmp_path: Path) -> None:
    few, many = (ask(dataset, np.arange(400), "random", (0,), most) for most in (3, 200))
    assert few.pool.shape == (400, 3)
    assert np.array_equal(few.pool[:, :3], many.pool[:, :3])
    lengths = np.bincount(dataset.user)
    assert np.array_equal(many.sizes, lengths // 2)
    assert np.array_equal(np.diff(many.indptr), lengths - lengths // 2)
