"""The exam of validation users and the gate that follows from it."""

import numpy as np
import pytest
from torch import Tensor

from models import algorithms
from models.config import RankerConfig
from models.data import Dataset, histories, split
from models.metrics import SHOTS, Trials, ndcg_at_10
from models.train import _interactions
from models.validation import Exam, fit_blends
from tests.models.generated_data import generated_dataset

ALGORITHM = algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=32))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def slow(dataset: Dataset) -> dict[str, Tensor]:
    users = split(dataset, 0).train
    past = histories(dataset, "random", 0)
    return ALGORITHM.initial(_interactions(past, users, len(dataset.item_ids)), 0)


def exam_of(dataset: Dataset) -> Exam:
    return Exam.of(dataset, split(dataset, 0).validation, "random", 0)


def test_a_closed_gate_is_marked_as_popularity(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    exam = exam_of(dataset)
    marks = exam.marks(ALGORITHM, slow, 5, ({"gate": 0.0}, {"gate": 1.0}))
    trials = exam.trials
    rows = trials.rows(5)
    popular = ndcg_at_10(slow["popularity"].expand(len(rows), -1), trials.question(rows))
    users = np.unique(trials.users[rows])
    expected = [popular[trials.users[rows] == user].mean() for user in users]
    assert len(rows) > len(users)
    np.testing.assert_allclose(marks[:, 0], expected)
    assert not np.allclose(marks[:, 0], marks[:, 1])


def test_few_users_are_asked_often_but_by_time_once(dataset: Dataset) -> None:
    users = split(dataset, 0).validation
    assert len(exam_of(dataset).trials.users) == 16 * len(users)
    assert len(Exam.of(dataset, users, "time", 0).trials.users) == len(users)
    assert len(Exam.of(dataset, np.arange(400), "random", 0).trials.users) == 400


def test_adapting_is_used_where_it_helps(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    blends = fit_blends(ALGORITHM, slow, exam_of(dataset))
    gate = blends.tables["gate"]
    assert gate[0] == 0
    assert gate[5] > 0
    assert all(0 <= value <= 1 for value in gate)
    assert blends.metrics.keys() <= {str(shots) for shots in SHOTS}
    for marks in blends.metrics.values():
        assert marks["ndcg@10"] >= marks["ndcg@10_prior"]


def test_adapting_is_not_used_where_it_harms(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    harmful = slow | {"steps": -slow["steps"], "nearness": -slow["nearness"]}
    blends = fit_blends(ALGORITHM, harmful, exam_of(dataset))
    assert blends.tables["gate"] == (0.0,) * 51
    for marks in blends.metrics.values():
        assert marks["ndcg@10"] == marks["ndcg@10_prior"]


def test_nobody_to_ask_gives_no_marks(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    nobody = Exam.of(dataset, np.array([], np.int64), "random", 0)
    assert nobody.score(ALGORITHM, slow) == 0
    assert fit_blends(ALGORITHM, slow, nobody).tables["gate"] == (0.0,) * 51
    assert nobody.marks(ALGORITHM, slow, 1, ({"gate": 0.0}, {"gate": 1.0})).shape == (0, 2)


def test_large_batches_are_cut_without_a_seam(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    past = histories(dataset, "random", 0)
    everybody = np.arange(len(dataset.user_ids))
    trials = Trials.of(everybody, past.indptr, past.items, len(dataset.item_ids))
    many = Trials.of(np.tile(everybody, 2), past.indptr, past.items, len(dataset.item_ids))
    assert len(many.rows(3)) > 512 > len(trials.rows(3))
    once = Exam(trials).marks(ALGORITHM, slow, 3, ({"gate": 1.0},))
    twice = Exam(many).marks(ALGORITHM, slow, 3, ({"gate": 1.0},))
    np.testing.assert_allclose(once, twice, atol=1e-9)
