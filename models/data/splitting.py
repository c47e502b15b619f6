"""Split users, put each user's history in order; all by hashes of seed and ids."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.errors import DataError

FOLDS = 10
TEST_SHARE = 1 / FOLDS
VALIDATION_SHARE = 0.05

Order: TypeAlias = Literal["random", "time"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """User indices, each sorted. Nothing but (seed, fold, user id) decides where a user goes."""

    seed: int
    fold: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Each user's items in support order, as compressed rows."""

    indptr: NDArray[np.int64]
    """[U + 1]"""
    items: NDArray[np.int32]
    """[n]"""

    def of(self, user: int) -> NDArray[np.int32]:
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[U] number of items of each user."""
        return np.diff(self.indptr)


def split(dataset: Dataset, seed: int, fold: int = 0, training_users: int | None = None) -> Split:
    """Hold out whole users: 10% for test, the next 5% for validation, the rest trains.

    A user's place is a hash of (seed, id), so it does not depend on who else is in the data. The
    ten folds of one seed have disjoint test users that together are all users. With
    `training_users` only so many train: the first by the same hash, so smaller sets are part of
    larger ones.

    Raises:
        ValueError: `fold` is not in 0..9.
    """
    if not 0 <= fold < FOLDS:
        raise ValueError(f"fold must be in 0..{FOLDS - 1}, got {fold}")
    place = (_hashes(dataset.user_ids, seed) >> np.uint64(11)).astype(np.float64) / 2.0**53
    past = (place - fold * TEST_SHARE) % 1.0
    test = past < TEST_SHARE
    validation = ~test & (past < TEST_SHARE + VALIDATION_SHARE)
    train = np.flatnonzero(~test & ~validation)
    first = np.argsort(past[train], kind="stable")[:training_users]
    return Split(
        seed,
        fold,
        train=np.sort(train[first]),
        validation=np.flatnonzero(validation),
        test=np.flatnonzero(test),
    )


def histories(dataset: Dataset, order: Order, seed: int) -> Histories:
    """Each user's items in the order in which they enter the support.

    `random` is a shuffle that depends on (seed, user id, item ids) only; `time` is by timestamp,
    with that same shuffle inside one instant.

    Raises:
        DataError: order is `time` and the data has no timestamps.
    """
    shuffle = _mix(
        _hashes(dataset.user_ids, seed)[dataset.user]
        ^ _hashes(dataset.item_ids, seed)[dataset.item]
    )
    if order == "random":
        sequence = np.lexsort((shuffle, dataset.user))
    elif dataset.timestamp is None:
        raise DataError(dataset.name, "has no timestamps", "use the random order")
    else:
        sequence = np.lexsort((shuffle, dataset.timestamp, dataset.user))
    counts = np.bincount(dataset.user, minlength=len(dataset.user_ids))
    return Histories(np.concatenate([[0], np.cumsum(counts)]), dataset.item[sequence])


def _hashes(ids: tuple[str, ...], seed: int) -> NDArray[np.uint64]:
    prefix = f"{seed}\0"
    digests = (blake2b((prefix + id_).encode(), digest_size=8).digest() for id_ in ids)
    return np.frombuffer(b"".join(digests), dtype="<u8")


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over all bits (the finaliser of splitmix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
