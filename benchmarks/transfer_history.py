"""A domain as it was after its first users, or before anybody came."""

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import polars as pl

from models.catalogue import Catalogue
from models.data import Dataset, split


def first_users(dataset: Dataset, count: int, seed: int) -> Dataset:
    """The history of `count` users who are not held out for test, and the whole catalogue.

    The first by a hash of their ids, so that fewer users are part of more.
    """
    parts = split(dataset, seed)
    able = np.concatenate([parts.train, parts.validation])
    order = np.argsort([_place(dataset.user_ids[user]) for user in able], kind="stable")
    chosen = np.sort(able[order[:count]])
    rows = np.isin(dataset.user, chosen)
    fingerprint = blake2b(f"{dataset.fingerprint} {count}".encode(), digest_size=16).hexdigest()
    return replace(
        dataset,
        user_ids=tuple(dataset.user_ids[user] for user in chosen),
        user=np.searchsorted(chosen, dataset.user[rows]).astype(np.int32),
        item=dataset.item[rows],
        timestamp=None if dataset.timestamp is None else dataset.timestamp[rows],
        rating=None if dataset.rating is None else dataset.rating[rows],
        disliked=None if dataset.disliked is None else dataset.disliked[rows],
        fingerprint=fingerprint,
    )


def catalogue_of(dataset: Dataset) -> Catalogue:
    """All items of the data with what is known of them."""
    ids = pl.DataFrame({"item_id": dataset.item_ids})
    items = ids if dataset.items is None else ids.join(dataset.items, on="item_id", how="left")
    return Catalogue(dataset.name, items.sort("item_id"), dataset.users)


def _place(user_id: str) -> int:
    return int.from_bytes(blake2b(f"history {user_id}".encode(), digest_size=7).digest())
