"""Rivals on the side of items, each against its formula written plainly."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.baselines.baseline import Setting
from models.baselines.content import (
    CONTENT,
    DescribedCrowd,
    content_knn,
    hybrid,
    judge_content,
    tune_content,
    tune_hybrid,
)
from models.baselines.crowd import standardise
from models.baselines.fast import fit_item_knn
from models.baselines.mean_vector import fit_mean_vectors
from models.data import Dataset, split
from models.metrics import Trials, tail_items
from models.progress import silent
from models.questions import ask
from tests.models.generated_data import KINDS, generated_dataset

SHOTS = (0, 1, 3)
SETTING: Setting = {"values": "weighted", "idf": 1.0, "neighbours": 20, "sharpness": 2}
USERS, SUPPORT = np.array([3, 250]), np.array([[0, 7, 3], [12, 1, 30]])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def crowd(dataset: Dataset) -> DescribedCrowd:
    """Everybody is described by the kind of which they met most, and by some numbers."""
    met = np.zeros((len(dataset.user_ids), KINDS))
    np.add.at(met, (dataset.user, dataset.item % KINDS), 1)
    random = np.random.default_rng(0)
    numbers = random.random((len(met), 3)) * (random.random((len(met), 3)) < 0.7)
    known = np.concatenate([2 * np.eye(KINDS)[met.argmax(1)], numbers], axis=1)
    return DescribedCrowd(dataset, split(dataset, 0).train, csr_array(known), "random")


def trials(dataset: Dataset) -> tuple[Trials, Trials]:
    parts = split(dataset, 0)
    return ask(dataset, parts.validation, "random", [0]), ask(dataset, parts.test, "random", [0])


def similarities(crowd: DescribedCrowd, dataset: Dataset) -> NDArray[np.float64]:
    """[B, training entities] cosines of tf-idf."""
    trained = split(dataset, 0).train
    known = crowd.features.toarray()
    weighed = known * np.log(len(trained) / (known[trained] != 0).sum(0))
    unit = weighed / np.linalg.norm(weighed, axis=1, keepdims=True)
    found: NDArray[np.float64] = unit[USERS] @ unit[trained].T
    return found


def test_content_knn_by_its_formula(crowd: DescribedCrowd, dataset: Dataset) -> None:
    alike = similarities(crowd, dataset)
    expected = np.zeros((len(USERS), crowd.items))
    for line, row in enumerate(alike):
        for one in np.argsort(-row)[:20]:
            expected[line] += row[one] ** 2 * crowd.matrix[[one]].toarray()[0]
    found = content_knn(crowd, SETTING)(USERS, SUPPORT)
    assert found == pytest.approx(expected, rel=1e-3)
    assert np.array_equal(content_knn(crowd, SETTING)(USERS, SUPPORT[:, :0]), found)


def test_binary_values_only_say_what_there_is(crowd: DescribedCrowd, dataset: Dataset) -> None:
    plain = csr_array(np.sign(crowd.features.toarray()))
    other = DescribedCrowd(dataset, split(dataset, 0).train, plain, "random")
    found = content_knn(crowd, {**SETTING, "values": "binary"})(USERS, SUPPORT)
    assert found == pytest.approx(content_knn(other, SETTING)(USERS, SUPPORT))
    assert found != pytest.approx(content_knn(crowd, SETTING)(USERS, SUPPORT))


def test_the_hybrid_adds_what_the_support_says(crowd: DescribedCrowd) -> None:
    near = {"shrinkage": 10, "levelling": 0.5}
    expected = standardise(content_knn(crowd, SETTING)(USERS, SUPPORT)) + 2 * standardise(
        fit_item_knn(crowd, {**near, "neighbours": 0})(SUPPORT)
    )
    setting = {**SETTING, **near, "partners": 0, "share": 2.0}
    assert hybrid(crowd, setting)(USERS, SUPPORT) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_mean_vectors_by_their_formula(crowd: DescribedCrowd) -> None:
    met = crowd.matrix.toarray().astype(float)
    _, sizes, right = np.linalg.svd(met, full_matrices=False)
    setting = {"dimension": 16, "power": 0.5}
    vectors = right[:16].T * sizes[:16] ** 0.5
    (_, scorer), *_ = fit_mean_vectors(crowd, [setting], silent)
    assert scorer(SUPPORT) == pytest.approx(
        vectors[SUPPORT].mean(1) @ vectors.T, rel=1e-3, abs=1e-3
    )


def test_tuning_finds_what_describes(crowd: DescribedCrowd, dataset: Dataset) -> None:
    validation, _ = trials(dataset)
    content, both = (tune(crowd, validation, SHOTS) for tune in (tune_content, tune_hybrid))
    popular = content_knn(crowd, {**SETTING, "neighbours": crowd.users, "sharpness": 0})
    assert popular(USERS, SUPPORT) == pytest.approx(np.tile(crowd.counts, (2, 1)))
    for k in SHOTS:
        assert content[k].ndcg > 0.3
        assert both[k].ndcg >= content[k].ndcg - 1e-6
    assert both[0].setting["share"] == 0
    assert both[0].ndcg == content[0].ndcg


def test_judged_with_and_without_a_support(crowd: DescribedCrowd, dataset: Dataset) -> None:
    asked = trials(dataset)
    for rival in CONTENT:
        judged = judge_content(rival, crowd, asked, SHOTS, tail_items(crowd.counts))
        for k in SHOTS:
            assert len(judged.judgements[k].values) == len(asked[1].rows(k))
            assert judged.judgements[k].values[:, 0].mean() > 0.3


def test_nothing_known_of_anybody_is_popularity(dataset: Dataset) -> None:
    parts = split(dataset, 0)
    nothing = csr_array((len(dataset.user_ids), 0))
    crowd = DescribedCrowd(dataset, parts.train, nothing, "random")
    validation, test = trials(dataset)
    judged = judge_content(CONTENT[0], crowd, (validation, test), SHOTS, tail_items(crowd.counts))
    best = np.argsort(-crowd.counts, kind="stable")
    for line, row in enumerate(judged.judgements[0].top):
        hidden = set(test.pool[line, : test.sizes[line]].tolist())
        assert row.tolist() == [item for item in best.tolist() if item not in hidden][:10]
