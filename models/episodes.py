"""Histories -> episodes: what an entity did first teaches, the rest judges."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.data import Histories, Order
from models.shapes import MOST_SHOTS, Episode, Features, Support


class Task(NamedTuple):
    user: int
    support: NDArray[np.int32]
    """[k] item rows."""
    query: NDArray[np.int32]
    """[q] item rows."""


def sample(
    histories: Histories, users: NDArray[np.int64], order: Order, seed: tuple[int, int, int]
) -> Task:
    """The task that (seed, step, index) names, of one of `users`.

    The number of shots is log-uniform on 0..50, so that small supports are seen most, and leaves
    the query at least half of the history.
    """
    random = np.random.default_rng(seed)
    user = int(users[random.integers(len(users))])
    history = histories.of(user)
    drawn = int((MOST_SHOTS + 2) ** random.random()) - 1
    shots = min(drawn, len(history) // 2)
    if order == "random":
        history = random.permutation(history)
    return Task(user, history[:shots], history[shots:])


def stack(tasks: Sequence[Task], profiles: Features, items: int) -> Episode:
    """One batch of tasks over a catalogue of so many items; every event weighs 1.

    `profiles` holds the features of all users.
    """
    width = max([1, *(len(task.support) for task in tasks)])
    rows = np.zeros((len(tasks), width), np.int64)
    weights = np.zeros((len(tasks), width), np.float32)
    query = np.zeros((len(tasks), items), np.float32)
    for index, task in enumerate(tasks):
        rows[index, : len(task.support)] = task.support
        weights[index, : len(task.support)] = 1
        query[index, task.query] = 1
    return Episode(
        Support(torch.from_numpy(rows), torch.from_numpy(weights)),
        profiles.of([task.user for task in tasks]),
        torch.from_numpy(query),
    )
