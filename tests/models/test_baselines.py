"""Each rival against its formula written plainly, and the tuning that all of them share."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.baselines import SETS, Crowd, Judged, judge_baseline, remembered, tune
from models.baselines.baseline import Baseline
from models.baselines.crowd import Scorer
from models.baselines.fast import FAST, fit_ease, fit_item_knn, fit_lift, fit_lmmse
from models.data import Dataset, histories, split
from models.metrics import Trials, tail_items
from models.progress import silent
from tests.models.generated_data import generated_dataset

SHOTS = (0, 1, 3, 5)
SUPPORT = np.array([[0, 7, 3], [12, 1, 30]])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture
def crowd(dataset: Dataset) -> Crowd:
    return Crowd(dataset, split(dataset, 0).train)


def trials(dataset: Dataset) -> tuple[Trials, Trials]:
    past, parts = histories(dataset, "random", 0), split(dataset, 0)
    return (
        Trials.of(parts.validation, past.indptr, past.items, len(dataset.item_ids)),
        Trials.of(parts.test, past.indptr, past.items, len(dataset.item_ids)),
    )


def counted(crowd: Crowd) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    everything = crowd.matrix.toarray().astype(float)
    return everything.sum(0), everything.T @ everything


def assert_sums_rows(scorer: Scorer, rows: NDArray[np.float64]) -> None:
    """The scores are the sums of the support's rows, an item's own entry left out."""
    rows = rows.copy()
    np.fill_diagonal(rows, 0)
    assert scorer(SUPPORT) == pytest.approx(rows[SUPPORT].sum(1), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("form", ["log", "ratio"])
def test_lift_by_its_formula(crowd: Crowd, form: str) -> None:
    single, both = counted(crowd)
    lift = (both + 10) / (np.outer(single, single) / crowd.users + 10)
    scorer = fit_lift(crowd, {"form": form, "smoothing": 10})
    assert_sums_rows(scorer, np.log(lift) if form == "log" else lift)


def test_item_knn_by_its_formula(crowd: Crowd) -> None:
    single, both = counted(crowd)
    cosine = both / (np.sqrt(np.outer(single, single)) + 20)
    np.fill_diagonal(cosine, 0)
    scorer = fit_item_knn(crowd, {"shrinkage": 20, "neighbours": 0, "levelling": 0.5})
    assert_sums_rows(scorer, cosine / np.sqrt(cosine.sum(1, keepdims=True)))
    for row in cosine:
        row[np.argsort(row)[:-5]] = 0
    scorer = fit_item_knn(crowd, {"shrinkage": 20, "neighbours": 5, "levelling": 0})
    assert_sums_rows(scorer, cosine)


def test_ease_by_its_formula(crowd: Crowd) -> None:
    _, both = counted(crowd)
    inverse = np.linalg.inv(both + 50 * np.eye(len(both)))
    assert_sums_rows(
        fit_ease(crowd, {"lambda": 50}), np.eye(len(both)) - inverse / np.diag(inverse)
    )


@pytest.mark.parametrize("score", ["expected", "departure"])
def test_lmmse_by_its_formula(crowd: Crowd, score: str) -> None:
    single, both = counted(crowd)
    mean = single / crowd.users
    scale = np.sqrt(mean * (1 - mean) + 0.02)
    related = (both / crowd.users - np.outer(mean, mean)) / np.outer(scale, scale)
    found = fit_lmmse(crowd, {"score": score, "lambda": 0.3})(SUPPORT)
    for line, seen in enumerate(SUPPORT):
        ridge = related[np.ix_(seen, seen)] + 0.3 * np.eye(len(seen))
        departure = related[:, seen] @ np.linalg.solve(ridge, ((1 - mean) / scale)[seen])
        expected = mean + scale * departure if score == "expected" else departure
        assert found[line] == pytest.approx(expected, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("baseline", FAST[1:3], ids=lambda one: one.name)
def test_neighbours_alone_give_the_dense_scores(
    crowd: Crowd, dataset: Dataset, baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert crowd.pairs.partners is None
    monkeypatch.setattr("models.baselines.crowd.DENSE_ITEMS", 20)
    monkeypatch.setattr("models.baselines.crowd.NEIGHBOURS", 60)
    sparse = Crowd(dataset, split(dataset, 0).train)
    assert sparse.pairs.partners is not None
    met = counted(crowd)[1][SUPPORT].min(1) > 0
    fitted = (baseline.scorers(one, baseline.settings, silent) for one in (crowd, sparse))
    for (_, exact), (_, near) in zip(*fitted, strict=True):
        dense, few = exact(SUPPORT), near(SUPPORT)
        assert few[met] == pytest.approx(dense[met], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("baseline", FAST[3:], ids=lambda one: one.name)
def test_beyond_the_head_popularity_ranks(
    dataset: Dataset, baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.baselines.crowd.DENSE_ITEMS", 20)
    crowd = Crowd(dataset, split(dataset, 0).train)
    tail = np.setdiff1d(np.arange(crowd.items), crowd.head)
    assert len(crowd.head) == 20
    assert crowd.counts[crowd.head].min() >= crowd.counts[tail].max()
    support = np.array([[tail[0], crowd.head[0]], [tail[1], tail[2]]])
    for _, scorer in baseline.scorers(crowd, baseline.settings, silent):
        scores = scorer(support)
        assert np.isfinite(scores).all()
        assert len(np.unique(scores[0, crowd.head])) > 10
        assert np.array_equal(scores[0, tail], scores[1, tail])


@pytest.mark.parametrize("baseline", FAST, ids=lambda one: one.name)
def test_tuned_rivals_are_no_worse_than_popularity_where_tuned(
    crowd: Crowd, dataset: Dataset, baseline: Baseline
) -> None:
    validation, _ = trials(dataset)
    alone = tune(FAST[0], crowd, validation, SHOTS)
    chosen = tune(baseline, crowd, validation, SHOTS)
    assert list(chosen) == list(SHOTS)
    assert chosen[0] == alone[0]
    assert all(chosen[k].ndcg >= alone[k].ndcg for k in SHOTS)
    if baseline.settings:
        assert chosen[5].ndcg > alone[5].ndcg
        assert chosen[5].setting in baseline.settings


def test_without_validation_users_the_choice_for_fewer_shots_stays(
    crowd: Crowd, dataset: Dataset
) -> None:
    chosen = tune(FAST[2], crowd, trials(dataset)[0], (1, 50))
    assert np.isnan(chosen[50].ndcg)
    assert chosen[50].setting == chosen[1].setting
    assert chosen[50].weight == chosen[1].weight


def test_judged_as_chosen_for_every_number_of_shots(crowd: Crowd, dataset: Dataset) -> None:
    result = judge_baseline(FAST[2], crowd, trials(dataset), SHOTS, tail_items(crowd.counts))
    test = trials(dataset)[1]
    assert list(result.judgements) == list(SHOTS)
    for k in SHOTS:
        assert len(result.judgements[k].values) == len(test.rows(k))
    ndcg = {k: judgement.values[:, 0].mean() for k, judgement in result.judgements.items()}
    assert ndcg[5] > ndcg[0] * 1.1


def test_results_are_remembered_by_key(crowd: Crowd, dataset: Dataset, tmp_path: Path) -> None:
    asked: list[str] = []

    def compute() -> Judged:
        asked.append("once")
        return judge_baseline(FAST[0], crowd, trials(dataset), SHOTS, tail_items(crowd.counts))

    first = remembered(tmp_path, "a", compute)
    again = remembered(tmp_path, "a", compute)
    assert len(asked) == 1
    assert again.choices == first.choices
    for k in SHOTS:
        assert np.array_equal(again.judgements[k].values, first.judgements[k].values)
        assert np.array_equal(again.judgements[k].top, first.judgements[k].top)
    remembered(tmp_path, "b", compute)
    remembered(None, "a", compute)
    assert len(asked) == 3
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert remembered(tmp_path, "a", compute).choices == first.choices
    assert len(asked) == 4


def test_the_sets_are_named_and_their_rivals_too() -> None:
    assert [baseline.name for baseline in SETS["fast"]] == [
        "popularity",
        "lift",
        "item-knn",
        "lmmse",
        "ease",
    ]
    assert SETS["none"] == ()
