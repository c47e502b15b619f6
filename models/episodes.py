"""Histories -> episodes: what an entity did first teaches, the rest judges."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from models.data import Histories, Order
from models.shapes import MOST_SHOTS, Episode, Support

Task: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Item rows of the support, item rows of the query."""


def sample(
    histories: Histories, users: NDArray[np.int64], order: Order, seed: tuple[int, int, int]
) -> Task:
    """The task that (seed, step, index) names, of one of `users`.

    The number of shots is log-uniform on 0..50, so that small supports are seen most, and leaves
    the query at least half of the history.
    """
    random = np.random.default_rng(seed)
    history = histories.of(users[random.integers(len(users))])
    drawn = int((MOST_SHOTS + 2) ** random.random()) - 1
    shots = min(drawn, len(history) // 2)
    if order == "random":
        history = random.permutation(history)
    return history[:shots], history[shots:]


def stack(tasks: Sequence[Task], items: int) -> Episode:
    """One batch of tasks over a catalogue of so many items; every event weighs 1."""
    width = max([1, *(len(support) for support, _ in tasks)])
    rows = np.zeros((len(tasks), width), np.int64)
    weights = np.zeros((len(tasks), width), np.float32)
    query = np.zeros((len(tasks), items), np.float32)
    for index, (support, wanted) in enumerate(tasks):
        rows[index, : len(support)] = support
        weights[index, : len(support)] = 1
        query[index, wanted] = 1
    return Episode(
        Support(torch.from_numpy(rows), torch.from_numpy(weights)), torch.from_numpy(query)
    )
