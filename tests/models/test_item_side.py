"""Items as those who are warmed up: training and judging from the other side."""

from pathlib import Path

import polars as pl
import pytest

from models.config import EvaluateConfig, RankerConfig, TrainConfig
from models.data import Dataset, read, split
from models.data.transposing import transposed
from models.errors import WeightsError
from models.evaluate import evaluate
from models.report import Report
from models.train import train
from models.weights import MetaWeights, load
from tests.models.generated_data import KINDS, generated_frame

CONFIG = TrainConfig(
    side="item", steps=4, users=16, check_every=4, ranker=RankerConfig(dimension=8, negatives=32)
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("generated")
    generated_frame(users=150, items=400).write_parquet(folder / "interactions.parquet")
    ids = [f"i{number:03d}" for number in range(400)]
    kinds = [f"kind {number % KINDS}" for number in range(400)]
    pl.DataFrame({"item_id": ids, "kind": kinds}).write_parquet(folder / "items.parquet")
    return read(folder)


@pytest.fixture(scope="module")
def weights(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> MetaWeights:
    out = tmp_path_factory.mktemp("weights")
    return load(out, train(dataset, CONFIG, out).version)


@pytest.fixture(scope="module")
def report(dataset: Dataset, weights: MetaWeights) -> Report:
    return evaluate(dataset, weights)


def test_weights_rank_users_for_items(dataset: Dataset, weights: MetaWeights) -> None:
    assert weights.side == "item"
    assert weights.item_ids == dataset.user_ids
    assert weights.manifest.split["test"] == len(split(transposed(dataset), 0).test)


def test_held_out_items_are_judged_beside_rivals_that_know_content(report: Report) -> None:
    content = report.to_json()
    assert content["side"] == "item"
    assert list(content["n"]) == [str(k) for k in report.users]
    assert set(report.users) <= {0, 1, 2, 3, 5, 10}
    assert [name for name in report.methods if name not in {"ours", "prior"}] == [
        *("popularity", "lift", "item-knn", "lmmse", "ease"),
        *("mean-vector", "content-knn", "hybrid"),
    ]
    assert Report.of_json(content).to_json() == content
    assert "held-out items" in report.to_markdown()


def test_content_tells_before_anybody_has_met_an_item(report: Report) -> None:
    first = {name: columns[0]["ndcg@10"].mean for name, columns in report.methods.items()}
    assert first["content-knn"] > first["popularity"]
    assert first["ours"] > first["popularity"]


def test_what_is_known_of_items_is_part_of_what_is_judged(
    dataset: Dataset, weights: MetaWeights, tmp_path: Path
) -> None:
    config = EvaluateConfig(baselines="popularity", shots=(0,))
    evaluate(dataset, weights, config, cache=tmp_path)
    kept = sorted(tmp_path.iterdir())
    evaluate(dataset, weights, config, cache=tmp_path)
    assert sorted(tmp_path.iterdir()) == kept


def test_weights_of_one_side_do_not_judge_the_other(dataset: Dataset, weights: MetaWeights) -> None:
    with pytest.raises(WeightsError, match="other data"):
        evaluate(transposed(dataset), weights)
