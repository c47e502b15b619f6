"""Interactions seen from the other side: items are the entities, users the catalogue."""

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import polars as pl

from models.config import Side
from models.data.dataset import Dataset


def of_side(dataset: Dataset, side: Side) -> Dataset:
    """The data as training and judging of that side need it: entities are its users."""
    return dataset if side == "user" else transposed(dataset)


def transposed(dataset: Dataset) -> Dataset:
    """Items in the place of users and users in that of items; their tables change places too.

    Items that nobody met are left out, as users who met nothing are.
    """
    met, entity = np.unique(dataset.item, return_inverse=True)
    catalogue = _renamed(dataset.users, "user_id", "item_id")
    user_ids = dataset.user_ids
    order = np.lexsort((dataset.user, entity))
    return replace(
        dataset,
        user_ids=tuple(dataset.item_ids[item] for item in met),
        item_ids=user_ids,
        user=entity[order].astype(np.int32),
        item=dataset.user[order],
        timestamp=None if dataset.timestamp is None else dataset.timestamp[order],
        rating=None if dataset.rating is None else dataset.rating[order],
        disliked=None if dataset.disliked is None else dataset.disliked[order],
        items=catalogue,
        users=_renamed(dataset.items, "item_id", "user_id"),
        fingerprint=blake2b(f"{dataset.fingerprint} item".encode(), digest_size=16).hexdigest(),
    )


def _renamed(table: pl.DataFrame | None, key: str, other: str) -> pl.DataFrame | None:
    """`table` with its ids in the column `other`; a property of that name makes room for them."""
    return None if table is None else table.drop(other, strict=False).rename({key: other})
