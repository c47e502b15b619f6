"""Ask users of a data set: histories in order, cut into supports and queries."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset
from models.data.splitting import Order, histories
from models.metrics import POOL, Trials

_ENOUGH, _MOST_SHUFFLES = 400, 16


def ask(
    dataset: Dataset,
    users: NDArray[np.int64],
    order: Order,
    seeds: Iterable[int],
    pool: int = POOL,
) -> Trials:
    """`users` asked once for every seed of the order, all of them after one seed, then the next."""
    pasts = (histories(dataset, order, seed) for seed in seeds)
    items = len(dataset.item_ids)
    return Trials.together([Trials.of(users, one.indptr, one.items, items, pool) for one in pasts])


def ask_to_choose(
    dataset: Dataset, users: NDArray[np.int64], order: Order, seed: int, pool: int = POOL
) -> Trials:
    """`users` asked so that choices can rest on the answers.

    Few users are asked about several shuffles of their histories. Time has one order only.
    """
    shuffles = 1 if order == "time" else -(-_ENOUGH // max(1, len(users)))
    return ask(dataset, users, order, range(seed, seed + min(shuffles, _MOST_SHUFFLES)), pool)
