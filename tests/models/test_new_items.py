"""New items in full lists, on generated data where the kind of an item decides who wants it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.config import EvaluateConfig, RankerConfig, TrainConfig
from models.data import Dataset, read, split
from models.data.hiding import without_items
from models.data.transposing import transposed
from models.errors import DataError
from models.evaluate import trained
from models.new_items import (
    Arrival,
    evaluate_new_items,
    held_out_items,
    judge_new_items,
)
from models.new_items_report import MEASURES, NewItemsReport
from models.weights import MetaWeights
from tests.models.generated_data import KINDS, generated_frame

ITEMS = 300
CONFIG = TrainConfig(
    side="item", steps=4, users=16, check_every=4, ranker=RankerConfig(dimension=8, negatives=32)
)
ASKED = EvaluateConfig(shots=(0, 3), seeds=2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("generated")
    generated_frame(users=300, items=ITEMS).write_parquet(folder / "interactions.parquet")
    ids = [f"i{number:03d}" for number in range(ITEMS)]
    kinds = [f"kind {number % KINDS}" for number in range(ITEMS)]
    pl.DataFrame({"item_id": ids, "kind": kinds}).write_parquet(folder / "items.parquet")
    return read(folder)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def report(dataset: Dataset, workdir: Path) -> NewItemsReport:
    return evaluate_new_items(dataset, CONFIG, [0], workdir, ASKED)


@pytest.fixture(scope="module")
def weights(dataset: Dataset, workdir: Path, report: NewItemsReport) -> MetaWeights:
    """Those that the report judged."""
    seen = without_items(dataset, held_out_items(dataset, CONFIG.seed, 0))
    kept = trained(seen, replace(CONFIG, side="user"), workdir)
    assert (kept.version,) == report.versions
    return kept


def test_the_items_are_those_that_the_side_of_items_is_judged_on(
    dataset: Dataset, weights: MetaWeights
) -> None:
    hidden = held_out_items(dataset, CONFIG.seed, 0)
    other = transposed(dataset)
    test = {other.user_ids[item] for item in split(other, CONFIG.seed).test}
    assert {dataset.item_ids[item] for item in np.flatnonzero(hidden)} == test
    assert not test & set(weights.item_ids)


def test_new_items_are_met_and_old_ones_hardly_suffer(report: NewItemsReport) -> None:
    for one in report.shots.values():
        assert set(one.measures) == set(MEASURES)
        assert one.askers <= one.users
        assert 0 < one.measures["new_recall@100"].mean <= 1
        assert one.gain.mean == pytest.approx(
            one.measures["new_recall@100"].mean - one.measures["similarity_new_recall@100"].mean
        )
        assert one.kept.mean == pytest.approx(
            one.measures["old_ndcg@10"].mean / one.measures["without_new_old_ndcg@10"].mean
        )
        assert one.gain.low is not None
        assert one.gain.low <= one.gain.mean


def test_what_a_support_says_finds_more_new_items(report: NewItemsReport) -> None:
    before, after = (one.measures["new_recall@100"].mean for one in report.shots.values())
    assert after > before


def test_reported_as_json_and_as_a_table(report: NewItemsReport) -> None:
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(content["shots"]) == ["0", "3"]
    assert content["shots"]["3"]["ratio"]["mean"] == report.shots[3].ratio.mean
    assert [len(one) for one in content["chosen"].values()] == [1, 1]
    table = report.to_markdown()
    assert f"{report.new_items} items that training never saw" in table
    assert "| shots | 0 (few) | 3 (few) |" in table


def test_the_same_weights_give_the_same_report(
    dataset: Dataset, workdir: Path, report: NewItemsReport
) -> None:
    assert evaluate_new_items(dataset, CONFIG, [0], workdir, ASKED).to_json() == report.to_json()


def test_folds_are_pooled(dataset: Dataset, workdir: Path, report: NewItemsReport) -> None:
    once = replace(ASKED, shots=(0,), seeds=1)
    both = evaluate_new_items(dataset, CONFIG, [0, 1], workdir, once)
    assert both.new_items > report.new_items
    assert both.shots[0].users > report.shots[0].users
    assert len(both.versions) == len(both.chosen[0]) == 2


def test_old_items_are_asked_as_if_new_ones_did_not_exist(
    dataset: Dataset, weights: MetaWeights
) -> None:
    """The best list without new items is that of the weights alone."""
    hidden = held_out_items(dataset, CONFIG.seed, 0)
    users = split(dataset, CONFIG.seed).test
    arrival = Arrival.of(dataset, hidden, weights, users, replace(ASKED, seeds=1))
    (lineup,) = arrival.lineups(3, [arrival.ours()])
    met = [set(dataset.item[dataset.user == user].tolist()) for user in arrival.trials.users]
    new = set(np.flatnonzero(hidden).tolist())
    able = arrival.trials.rows(3)
    assert lineup.new_wanted.sum(1).tolist() == [len(met[row] & new) for row in able]
    sizes = [len(met[row] - new) - arrival.trials.sizes[row] for row in able]
    assert lineup.sizes.tolist() == sizes


def test_more_shots_than_anybody_has_are_left_out(dataset: Dataset, workdir: Path) -> None:
    asked = EvaluateConfig(shots=(0, 49, 120))
    assert list(evaluate_new_items(dataset, CONFIG, [0], workdir, asked).shots) == [0]


def test_without_properties_new_items_are_all_alike(dataset: Dataset, workdir: Path) -> None:
    plain = replace(dataset, items=None)
    asked = EvaluateConfig(shots=(3,))
    found = evaluate_new_items(plain, CONFIG, [0], workdir, asked).shots[3]
    assert found.measures["without_new_old_ndcg@10"].mean > 0


def test_nobody_to_judge_is_said(dataset: Dataset, weights: MetaWeights) -> None:
    one_item = replace(
        dataset, item_ids=("i000",), item=np.zeros(1, "i4"), user=np.zeros(1, "i4"), timestamp=None
    )
    fold = next(f for f in range(10) if not len(split(transposed(one_item), 0, f).test))
    with pytest.raises(DataError, match="no item falls into the test part"):
        held_out_items(one_item, 0, fold)
    hidden = held_out_items(dataset, CONFIG.seed, 0)
    few = replace(without_items(dataset, hidden), user_ids=("u1",))
    fold = next(f for f in range(10) if not len(split(few, 0, f).test))
    manifest = replace(weights.manifest, split={**weights.manifest.split, "fold": fold})
    with pytest.raises(DataError, match="no user falls into the test part"):
        judge_new_items(dataset, hidden, few, replace(weights, manifest=manifest), ASKED)
