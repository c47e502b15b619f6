"""Dislikes: which they are, and what they are found to weigh."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from models import algorithms
from models.config import TrainConfig
from models.data import Dataset, read, split
from models.data.hiding import without_items
from models.data.signs import disliked
from models.data.transposing import transposed
from models.dislikes import UNLEARNED, WEIGHTS, SignedTrials, learned_weight
from models.evaluate import trained
from models.questions import ask
from models.shapes import Features
from models.weights import MetaWeights
from tests.models.generated_data import KINDS, generated_frame


def folder_of(tmp_path: Path, frame: pl.DataFrame) -> Dataset:
    tmp_path.mkdir(exist_ok=True)
    frame.write_parquet(tmp_path / "interactions.parquet")
    return read(tmp_path)


def rated() -> pl.DataFrame:
    """Everybody gives five stars to the kind met most, and one star to what else they met."""
    frame = generated_frame(users=240).with_columns(
        kind=pl.col("item_id").str.slice(1).cast(pl.Int64) % KINDS
    )
    favourite = frame.group_by("user_id").agg(pl.col("kind").mode().first().alias("favourite"))
    told = frame.join(favourite, "user_id", maintain_order="left")
    stars = pl.when(pl.col("kind") == pl.col("favourite")).then(5.0).otherwise(1.0)
    mixed = pl.when(pl.int_range(pl.len()) % 9 == 0).then(3.0).otherwise(stars)
    return told.with_columns(rating=mixed).drop("kind", "favourite")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return folder_of(tmp_path_factory.mktemp("rated"), rated())


@pytest.fixture(scope="module")
def weights(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> MetaWeights:
    return trained(dataset, TrainConfig(steps=20), tmp_path_factory.mktemp("w"))


@pytest.mark.parametrize(
    ("ratings", "told"),
    [
        ([1, 2, 3, 4, 5], [1, 1, 0, 0, 0]),
        ([0, 0, 10, 3, 1, 8], [0, 0, 0, 1, 1, 0]),
        ([-1, 1, 1], [1, 0, 0]),
        ([-0.5, 0, 0.5], [1, 0, 0]),
    ],
)
def test_the_low_end_of_a_scale_is_a_dislike_and_0_is_no_rating(
    ratings: list[float], told: list[int]
) -> None:
    found = disliked(np.array(ratings, np.float32), None)
    assert found is not None
    assert found.astype(int).tolist() == told


@pytest.mark.parametrize("ratings", [[1, 2, 2], [0, 0, 1], [5, 5, 5], [0, 0]])
def test_two_values_are_no_scale(ratings: list[float]) -> None:
    assert disliked(np.array(ratings, np.float32), None) is None


def test_signed_weights_say_it_before_ratings(tmp_path: Path) -> None:
    rows = [("a", "x", 5.0, -2.0), ("a", "y", 1.0, 4.0), ("b", "x", 3.0, 0.0), ("b", "y", 2.0, 0.5)]
    columns = ["user_id", "item_id", "rating", "weight"]
    told = folder_of(tmp_path, pl.DataFrame(rows, columns, orient="row"))
    assert told.disliked is not None
    assert told.disliked.tolist() == [True, False, False]
    assert told.report.dropped == {"weight missing, 0 or not a number": 1}


def test_without_ratings_nothing_is_disliked_and_the_fingerprint_stays(tmp_path: Path) -> None:
    frame = generated_frame(users=20)
    plain = folder_of(tmp_path / "plain", frame)
    assert plain.disliked is None
    weighed = folder_of(tmp_path / "weighed", frame.with_columns(weight=pl.lit(1.0)))
    assert weighed.fingerprint != plain.fingerprint
    assert (
        SignedTrials.of(weighed, ask(weighed, np.array([0]), "random", [0]), Features.none(20))
        is None
    )


def test_dislikes_go_with_their_rows(dataset: Dataset) -> None:
    assert dataset.disliked is not None
    other = transposed(dataset)
    assert other.disliked is not None
    assert other.disliked.sum() == dataset.disliked.sum()
    hidden = np.arange(len(dataset.item_ids)) % 2 == 0
    left = without_items(dataset, hidden)
    assert left.disliked is not None
    assert left.disliked.sum() == dataset.disliked[~hidden[dataset.item]].sum()


def test_training_learns_what_a_dislike_weighs(weights: MetaWeights) -> None:
    assert float(weights.slow["dislike_weight"]) in {torch.tensor(one).item() for one in WEIGHTS}


def test_where_few_dislike_anything_a_dislike_weighs_a_quarter(
    dataset: Dataset, weights: MetaWeights
) -> None:
    algorithm = algorithms.get(weights.manifest.algorithm)
    trials = ask(dataset, split(dataset, 0).validation[:2], "random", [0])
    told = SignedTrials.of(dataset, trials, Features.none(len(dataset.user_ids)))
    assert learned_weight(algorithm, weights.slow, told) == UNLEARNED
    assert learned_weight(algorithm, weights.slow, None) == UNLEARNED


def test_one_who_dislikes_much_does_not_choose_for_everybody(
    dataset: Dataset, weights: MetaWeights
) -> None:
    algorithm = algorithms.get(weights.manifest.algorithm)
    often = ask(dataset, split(dataset, 0).validation[:1], "random", range(40))
    told = SignedTrials.of(dataset, often, Features.none(len(dataset.user_ids)))
    assert told is not None
    assert len(told.marks(algorithm, weights.slow, 3, 0.25).liked) > 30
    assert len(told.marks(algorithm, weights.slow, 3, 0.25, most=10).liked) <= 10
    assert learned_weight(algorithm, weights.slow, told) == UNLEARNED


def test_dislikes_that_count_keep_the_disliked_kinds_away(
    dataset: Dataset, weights: MetaWeights
) -> None:
    algorithm, slow = algorithms.get(weights.manifest.algorithm), weights.slow
    trials = ask(dataset, split(dataset, 0).test, "random", [0])
    told = SignedTrials.of(dataset, trials, Features.none(len(dataset.user_ids)))
    assert told is not None
    learned = told.marks(algorithm, slow, 5, float(slow["dislike_weight"]))
    as_likes = told.marks(algorithm, slow, 5, -1.0)
    assert float(learned.liked.nanmean()) > float(as_likes.liked.nanmean())
    assert float(learned.disliked.nanmean()) < float(as_likes.disliked.nanmean())
