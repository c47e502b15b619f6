"""What is carried to another domain, and how it gives way to what is chosen there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.transfer_history import first_users
from models import algorithms
from models.algorithms.interface import Slow
from models.answers import answers
from models.config import RankerConfig, TrainConfig
from models.cross_fit import cross_fitted
from models.data import Dataset, histories, read, split
from models.encoders import Encoders
from models.metrics import ndcg_at_10
from models.questions import ask
from models.shapes import MOST_SHOTS, Features
from models.train import _interactions, train
from models.transfer import (
    USERS_TO_CHOOSE,
    USERS_TO_JUDGE,
    USERS_TO_TEACH,
    Experience,
    begun_lightly,
    resized,
)
from models.validation import Blends, Exam
from models.weights import MetaWeights, load
from tests.generated import save_generated
from tests.models.generated_data import KINDS, generated_frame

ALGORITHM = algorithms.trainable("meta-sgd", RankerConfig(dimension=8, negatives=32))
CONFIG = TrainConfig(steps=5, check_every=5, users=8, ranker=RankerConfig(negatives=32))


@pytest.fixture
def taught(tmp_path: Path) -> MetaWeights:
    weights = save_generated(tmp_path / "taught")
    return replace(weights, manifest=replace(weights.manifest, split={"train": 5000}))


def shop(directory: Path, users: int) -> Dataset:
    """Users who like one of a few kinds of items; the kind of an item is known."""
    directory.mkdir()
    generated_frame(users).write_parquet(directory / "interactions.parquet")
    kinds = pl.DataFrame(
        {
            "item_id": [f"i{n:03d}" for n in range(60)],
            "kind": [f"kind {n % KINDS}" for n in range(60)],
        }
    )
    kinds.write_parquet(directory / "items.parquet")
    return read(directory)


def chosen(value: float, asked: float) -> Blends:
    names = ("gate", *ALGORITHM.blended())
    metrics = {"1": {"users": asked}, "50": {"users": asked}}
    return Blends(dict.fromkeys(names, (value,) * (MOST_SHOTS + 1)), metrics)


def test_without_history_nothing_of_the_other_tables_counts(taught: MetaWeights) -> None:
    carried = Experience.of(taught, ALGORITHM)
    none = Experience.of(None, ALGORITHM)
    for name, table in none.tables_for(0).items():
        torch.testing.assert_close(carried.tables_for(0)[name], table)
        torch.testing.assert_close(none.tables_for(10**6)[name], table)


def test_the_more_users_train_the_more_the_other_tables_count(taught: MetaWeights) -> None:
    carried = Experience.of(taught, ALGORITHM)
    beginning = carried.tables_for(0)["reach"]
    half = carried.tables_for(int(USERS_TO_TEACH))["reach"]
    torch.testing.assert_close(half, (beginning + taught.slow["reach"]) / 2)
    late = carried.tables_for(10**9)["reach"]
    torch.testing.assert_close(late, taught.slow["reach"])


def test_own_choices_count_by_how_many_made_them(taught: MetaWeights) -> None:
    carried = Experience.of(taught, ALGORITHM)
    users, names = int(USERS_TO_JUDGE), carried.names
    expected = carried.tables_for(users)["reach"][5]
    nobody = carried.beside(Blends({"gate": (0.0,) * 51}, {}), {}, users)
    assert nobody.tables.keys() == set(names)
    assert nobody.tables["reach"][5] == pytest.approx(float(expected))
    half = carried.beside(chosen(3.0, USERS_TO_CHOOSE), {}, users)
    assert half.tables["reach"][5] == pytest.approx(float(expected + 3) / 2)
    crossed = carried.beside(Blends({}, {}), chosen(9.0, 1).tables, users)
    assert crossed.tables["reach"][5] == pytest.approx(float(expected + 9) / 2)
    many = carried.beside(chosen(3.0, 1e9), chosen(9.0, 1).tables, users)
    assert many.tables["reach"][5] == pytest.approx(3.0)


def test_weights_of_another_algorithm_lend_no_inner_loop(taught: MetaWeights) -> None:
    reptile = algorithms.trainable("reptile", RankerConfig())
    carried = Experience.of(taught, reptile)
    assert carried.rules == {}
    assert "cosine_weight" in carried.tables
    assert Experience.of(taught, ALGORITHM).rules.keys() == ALGORITHM.portable


@pytest.mark.parametrize("name", algorithms.names())
def test_what_every_algorithm_carries_is_its_own_and_no_place_among_items(name: str) -> None:
    algorithm = algorithms.trainable(name, RankerConfig(dimension=8))
    assert algorithm.portable <= algorithm.tensors - algorithm.per_item
    assert not algorithm.portable & {"initial_head", "scorer", "linear_head", "centre"}


def test_rules_of_any_width_fit_and_of_other_steps_are_left() -> None:
    rule = torch.tensor([[4.0, 3.0, 2.0], [1.0, 1.0, 0.5]])
    assert resized(rule, torch.zeros(2, 2)).tolist() == [[4, 3], [1, 1]]
    assert resized(rule, torch.zeros(2, 5))[1].tolist() == [1, 1, 0.5, 0.5, 0.5]
    assert resized(rule, torch.zeros(3, 3)).tolist() == torch.zeros(3, 3).tolist()
    assert resized(torch.tensor(0.7), torch.tensor(0.5)) == pytest.approx(0.7)


def test_hardly_any_users_and_known_items_beat_popularity(
    tmp_path: Path, taught: MetaWeights
) -> None:
    everybody = shop(tmp_path / "shop", users=300)
    few = first_users(everybody, 8, seed=0)
    moved, plain = (
        load(tmp_path, train(few, CONFIG, tmp_path, inherited=source).version)
        for source in (taught, None)
    )
    assert (moved.manifest.transferred_from, plain.manifest.transferred_from) == (
        taught.version,
        None,
    )
    assert moved.slow["cosine_weight"][5] > 0
    trials = ask(everybody, split(everybody, 0).test, "random", [0])
    gained, alone = (
        ndcg_at_10(
            answers(everybody, weights)[0](trials.users, trials.support(trials.rows(3), 3)),
            trials.question(trials.rows(3)),
        ).mean()
        for weights in (moved, plain)
    )
    assert gained > 1.1 * alone


def test_users_are_judged_by_what_others_taught(tmp_path: Path) -> None:
    dataset = shop(tmp_path / "shop", users=30)
    profiles, users = Features.none(len(dataset.user_ids)), np.arange(3, 25)
    past, kinds = histories(dataset, "random", 0), Encoders.fit(dataset, users)
    carry = Experience.of(None, ALGORITHM).carrying(dataset, kinds, 0)
    teachers, judges = list[set[int]](), list[set[int]]()

    def begin(some: NDArray[np.int64]) -> Slow:
        teachers.append(set(some.tolist()))
        met = _interactions(past, some, len(dataset.item_ids))
        return begun_lightly(ALGORITHM, CONFIG, carry, met, 0)

    def examine(some: NDArray[np.int64]) -> Exam:
        judges.append(set(some.tolist()))
        return Exam.of(dataset, some, profiles, "random", 0)

    tables = cross_fitted(ALGORITHM, begin, examine, users)
    assert tables.keys() == {"gate", *ALGORITHM.blended()}
    assert tables["gate"][0] == 0
    assert tables["gate"][5] > 0
    assert tables["cosine_weight"][5] > 0
    assert tables["regression_weight"][5] == 0
    assert set.union(*judges) == set(users.tolist())
    for judging, teaching in zip(judges, teachers, strict=True):
        assert not judging & teaching
        assert judging | teaching == set(users.tolist())
