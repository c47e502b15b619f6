"""Generated interactions for tests: users of a few tastes, items of a few kinds. Not real data."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

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


def generated_interactions(users: int = 300, items: int = 60) -> csr_array:
    """[users, items] 1 where a user met an item."""
    frame = generated_frame(users, items)
    user = frame["user_id"].str.slice(1).cast(int).to_numpy()
    item = frame["item_id"].str.slice(1).cast(int).to_numpy()
    met: csr_array = csr_array((item * 0 + 1.0, (user, item)), shape=(users, items))
    return met


def generated_tastes(interactions: csr_array) -> csr_array:
    """[users, KINDS] 1 at the kind of which a user met most: a feature that tells something."""
    kind = np.arange(interactions.shape[1]) % KINDS
    taste = (interactions @ np.eye(KINDS)[kind]).argmax(1)
    tastes: csr_array = csr_array(np.eye(KINDS)[taste])
    return tastes
