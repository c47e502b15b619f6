"""Interactions without some of the items."""

from pathlib import Path

import numpy as np
import polars as pl

from models.data import read, split
from models.data.hiding import without_items


def test_hidden_items_leave_no_trace(tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "user_id": ["a", "a", "a", "b", "c", "c"],
            "item_id": ["w", "x", "z", "x", "w", "y"],
            "timestamp": [1_000, 2_000, 3_000, 4_000, 5_000, 6_000],
            "rating": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        }
    ).write_parquet(tmp_path / "interactions.parquet")
    pl.DataFrame({"item_id": ["w", "x", "y", "z"], "kind": ["k", "l", "m", "n"]}).write_parquet(
        tmp_path / "items.parquet"
    )
    dataset = read(tmp_path)
    left = without_items(dataset, np.array([False, True, False, True]))
    assert left.item_ids == ("w", "y")
    assert left.user_ids == dataset.user_ids  # b has met nothing that is left
    assert [
        (left.user_ids[u], left.item_ids[i]) for u, i in zip(left.user, left.item, strict=True)
    ] == [
        ("a", "w"),
        ("c", "w"),
        ("c", "y"),
    ]
    assert left.timestamp is not None
    assert left.rating is not None
    assert left.timestamp.tolist() == [1_000_000, 5_000_000, 6_000_000]
    assert left.rating.tolist() == [1, 5, 6]
    assert left.items is not None
    assert left.items.rows() == [("w", "k"), ("y", "m")]
    assert np.array_equal(split(left, 0).test, split(dataset, 0).test)
    nothing = without_items(dataset, np.zeros(4, bool))
    assert len({one.fingerprint for one in (dataset, left, nothing)}) == 3
    assert np.array_equal(nothing.item, dataset.item)
