"""Generated interactions for tests: users of a few tastes, items of a few kinds. Not real data."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data import Dataset, read

KINDS = 4


def generated_frame(users: int = 400, items: int = 60, seed: int = 0) -> pl.DataFrame:
    """Everybody meets 6 to 29 different items, mostly of one kind; early items are popular."""
    random = np.random.default_rng(seed)
    kind = np.arange(items) % KINDS
    popularity = 1 / (5.0 + np.arange(items))
    met: list[NDArray[np.int64]] = []
    for _ in range(users):
        liking = popularity * np.where(kind == random.integers(KINDS), 6.0, 1.0)
        count = random.integers(6, min(30, items // 2))
        met.append(random.choice(items, size=count, replace=False, p=liking / liking.sum()))
    user = np.repeat(np.arange(users), [len(one) for one in met])
    times = random.integers(1_500_000_000, 1_600_000_000, len(user))
    return pl.DataFrame(
        {
            "user_id": [f"u{number}" for number in user],
            "item_id": [f"i{number:03d}" for number in np.concatenate(met)],
            "timestamp": times,
        }
    )


def generated_dataset(directory: Path, *, users: int = 400, items: int = 60) -> Dataset:
    directory.mkdir(parents=True, exist_ok=True)
    generated_frame(users, items).write_parquet(directory / "interactions.parquet")
    return read(directory)
