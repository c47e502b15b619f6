"""The exam of validation users and the gate that follows from it."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms.ranking import MEMORIES
from models.config import RankerConfig
from models.data import Dataset, Order, histories, split
from models.metrics import SHOTS, ndcg_at_10
from models.shapes import Features, Support
from models.train import _interactions
from models.validation import Exam, fit_blends
from tests.models.algorithms.given import scores_of, with_tables
from tests.models.generated_data import generated_dataset, generated_tastes

ALGORITHM = algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=32))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def slow(dataset: Dataset) -> dict[str, Tensor]:
    users = split(dataset, 0).train
    past = histories(dataset, "random", 0)
    interactions = _interactions(past, users, len(dataset.item_ids))
    start = ALGORITHM.initial(interactions, csr_array((len(users), 0)), 0)
    untied = torch.linspace(0, 1e-3, len(dataset.item_ids))  # quick marks leave ties in any order
    return start | {name: start[name] + untied for name in ("popularity", "item_biases")}


def exam_of(
    dataset: Dataset, users: NDArray[np.int64] | None = None, order: Order = "random"
) -> Exam:
    """Of the validation users, or of others."""
    asked = split(dataset, 0).validation if users is None else users
    return Exam.of(dataset, asked, Features.none(len(dataset.user_ids)), order, 0)


def _columns(tastes: csr_array) -> tuple[Tensor, Tensor]:
    """One feature each."""
    columns = torch.from_numpy(tastes.indices).long()[:, None]
    return columns, torch.ones(columns.shape)


def marks(
    exam: Exam, slow: dict[str, Tensor], shots: int, gate: float = 1.0, **weights: float
) -> NDArray[np.float64]:
    contest = exam.contest(ALGORITHM, slow, shots)
    assert contest is not None
    return contest.marks({"reach": 1.0} | weights, gate)


def test_a_closed_gate_is_marked_as_popularity(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    exam = exam_of(dataset)
    trials = exam.trials
    rows = trials.rows(5)
    popular = ndcg_at_10(slow["popularity"].expand(len(rows), -1), trials.question(rows))
    users = np.unique(trials.users[rows])
    expected = [popular[trials.users[rows] == user].mean() for user in users]
    assert len(rows) > len(users)
    np.testing.assert_allclose(marks(exam, slow, 5, gate=0.0), expected)
    assert not np.allclose(marks(exam, slow, 5, gate=0.0), marks(exam, slow, 5))


@pytest.mark.parametrize("shots", [0, 1, 5])
def test_what_is_marked_is_what_is_served(
    dataset: Dataset, slow: dict[str, Tensor], shots: int
) -> None:
    exam = exam_of(dataset, np.arange(400))
    rows = exam.trials.rows(shots)
    items = np.zeros((len(rows), max(1, shots)), np.int64)
    items[:, :shots] = exam.trials.support(rows, shots)
    support = Support(torch.from_numpy(items), torch.full(items.shape, float(shots > 0)))
    weights = {"reach": 0.7, "cosine_weight": 0.2, "regression_weight": 0.4}
    weighed = with_tables(slow, weights | {"gate": 0.6})
    scores = scores_of(ALGORITHM, weighed, support, Features.none(len(rows)))
    served = ndcg_at_10(scores, exam.trials.question(rows))
    np.testing.assert_allclose(marks(exam, slow, shots, 0.6, **weights), served, atol=1e-9)


def test_few_users_are_asked_often_but_by_time_once(dataset: Dataset) -> None:
    users = split(dataset, 0).validation
    assert len(exam_of(dataset).trials.users) == 16 * len(users)
    assert len(exam_of(dataset, users, "time").trials.users) == len(users)
    assert len(exam_of(dataset, np.arange(400)).trials.users) == 400


def test_adapting_is_used_where_it_helps(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    blends = fit_blends(ALGORITHM, slow, exam_of(dataset))
    gate = blends.tables["gate"]
    assert gate[0] == 0
    assert gate[5] > 0
    assert all(0 <= value <= 1 for value in gate)
    assert blends.metrics.keys() <= {str(shots) for shots in SHOTS}
    for marks in blends.metrics.values():
        assert marks["ndcg@10"] >= marks["ndcg@10_prior"]


def test_one_user_alone_vouches_for_nothing(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    alone = exam_of(dataset, split(dataset, 0).validation[:1])
    assert fit_blends(ALGORITHM, slow, alone).tables["gate"] == (0.0,) * 51


def test_adapting_is_not_used_where_it_harms(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    memories = {f"{name}_values": -slow[f"{name}_values"] for name in MEMORIES}
    harmful = slow | memories | {"steps": -slow["steps"]}
    blends = fit_blends(ALGORITHM, harmful, exam_of(dataset))
    assert blends.tables["gate"] == (0.0,) * 51
    for marks in blends.metrics.values():
        assert marks["ndcg@10"] == marks["ndcg@10_prior"]


def test_everybody_is_asked_with_their_own_profile(dataset: Dataset) -> None:
    """A feature that names the taste of its user helps; that of somebody else does not."""
    past, people = histories(dataset, "random", 0), len(dataset.user_ids)
    met = _interactions(past, np.arange(people), len(dataset.item_ids))
    tastes = generated_tastes(met)
    slow = ALGORITHM.initial(met, tastes, 0)
    trials, known = exam_of(dataset).trials, Features(*_columns(tastes))
    own, of_others = (
        marks(Exam(trials, profiles), slow, 0, profile_weight=1.0).mean()
        for profiles in (known, known.of(np.roll(np.arange(people), 1)))
    )
    assert own > marks(Exam(trials, known), slow, 0, gate=0.0).mean() + 0.05
    assert of_others < own - 0.05


def test_nobody_to_ask_gives_no_marks(dataset: Dataset, slow: dict[str, Tensor]) -> None:
    nobody = exam_of(dataset, np.array([], np.int64))
    assert nobody.score(ALGORITHM, slow) == 0
    assert fit_blends(ALGORITHM, slow, nobody).tables["gate"] == (0.0,) * 51
    assert nobody.contest(ALGORITHM, slow, 1) is None


def test_large_batches_are_cut_without_a_seam(
    dataset: Dataset, slow: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = exam_of(dataset)
    once, score = marks(exam, slow, 3, cosine_weight=0.2), exam.score(ALGORITHM, slow)
    monkeypatch.setattr("models.validation._CELLS", 7 * len(dataset.item_ids))
    assert len(exam.trials.rows(3)) % 7 != 0
    np.testing.assert_allclose(marks(exam, slow, 3, cosine_weight=0.2), once, atol=1e-9)
    assert exam.score(ALGORITHM, slow) == pytest.approx(score)
