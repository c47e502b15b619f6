"""Interactions seen from the side of the items."""

from pathlib import Path

import polars as pl
import pytest

from models.data import Dataset, read
from models.data.transposing import of_side, transposed


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    pl.DataFrame(
        {
            "user_id": ["b", "a", "a", "b", "c"],
            "item_id": ["y", "y", "x", "z", "z"],
            "timestamp": [2_000, 4_000, 1_000, 3_000, 5_000],
            "rating": [2.0, 4.0, 1.0, 3.0, 5.0],
        }
    ).write_parquet(tmp_path / "interactions.parquet")
    pl.DataFrame(
        {"item_id": ["w", "x"], "kind": ["k", "l"], "user_id": ["maker", "maker"]}
    ).write_csv(tmp_path / "items.csv")
    pl.DataFrame({"user_id": ["a", "b"], "age": [30, 40]}).write_csv(tmp_path / "users.csv")
    return read(tmp_path)


def test_items_become_users_that_met_users(dataset: Dataset) -> None:
    other = transposed(dataset)
    assert other.user_ids == ("x", "y", "z")  # w was met by nobody
    assert other.item_ids == ("a", "b", "c")
    assert other.timestamp is not None
    assert other.rating is not None
    rows = [
        (other.user_ids[user], other.item_ids[item], time / 1000, rating)
        for user, item, time, rating in zip(
            other.user, other.item, other.timestamp, other.rating, strict=True
        )
    ]
    assert rows == [
        ("x", "a", 1_000, 1),
        ("y", "a", 4_000, 4),
        ("y", "b", 2_000, 2),
        ("z", "b", 3_000, 3),
        ("z", "c", 5_000, 5),
    ]


def test_tables_change_places(dataset: Dataset) -> None:
    other = transposed(dataset)
    assert other.users is not None
    assert other.items is not None
    assert other.users.rows() == [("w", "k"), ("x", "l")]
    assert other.users.columns == ["user_id", "kind"]
    assert other.items.rows() == [("a", 30), ("b", 40)]
    assert other.items.columns == ["item_id", "age"]


def test_the_two_sides_are_never_taken_for_each_other(dataset: Dataset) -> None:
    assert of_side(dataset, "user") is dataset
    other = of_side(dataset, "item")
    assert len(other.fingerprint) == len(dataset.fingerprint)
    assert other.fingerprint != dataset.fingerprint
    assert transposed(other).user_ids == dataset.user_ids
