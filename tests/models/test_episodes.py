"""Episodes: reproducible, disjoint, shaped as promised."""

import numpy as np
import torch

from models.data import Histories
from models.episodes import Task, sample, stack
from models.shapes import MOST_SHOTS, Features

LENGTHS = np.array([1, 2, 9, 300])
INDPTR = np.concatenate([[0], np.cumsum(LENGTHS)])
HISTORIES = Histories(INDPTR, np.arange(INDPTR[-1], dtype=np.int32))
USERS = np.arange(len(LENGTHS))


def test_a_seed_names_a_task() -> None:
    one, same, other = (sample(HISTORIES, USERS[3:], "random", (0, step, 7)) for step in (4, 4, 5))
    assert one.user == same.user
    assert np.array_equal(one.support, same.support)
    assert np.array_equal(one.query, same.query)
    assert not np.array_equal(one.support, other.support)


def test_support_and_query_share_out_one_history() -> None:
    for index in range(300):
        user, support, query = sample(HISTORIES, USERS, "random", (1, 0, index))
        together = np.sort(np.concatenate([support, query]))
        assert np.array_equal(together, HISTORIES.of(user))
        assert len(support) <= min(MOST_SHOTS, len(together) // 2)
        assert len(query) >= 1


def test_small_supports_are_seen_most_and_none_is_left_out() -> None:
    tasks = [sample(HISTORIES, USERS[3:], "random", (2, 0, n)) for n in range(8000)]
    shots = [len(task.support) for task in tasks]
    counts = np.bincount(shots, minlength=MOST_SHOTS + 1)
    assert len(counts) == MOST_SHOTS + 1
    assert counts.min() > 0
    log_uniform = np.log1p(1 / (np.arange(MOST_SHOTS + 1) + 1.0)) / np.log(MOST_SHOTS + 2)
    assert np.abs(counts / 8000 - log_uniform).max() < 0.02


def test_time_order_takes_what_came_first() -> None:
    for index in range(50):
        user, support, query = sample(HISTORIES, USERS, "time", (3, 0, index))
        assert np.array_equal(np.concatenate([support, query]), HISTORIES.of(user))


def test_stacking_pads_with_weight_zero() -> None:
    none, two = np.array([], np.int32), np.array([3, 1], np.int32)
    profiles = Features(torch.tensor([[0], [3], [2]]), torch.tensor([[1.0], [0.5], [2.0]]))
    tasks = [Task(2, none, two), Task(0, two, np.array([0], np.int32))]
    episode = stack(tasks, profiles, items=4)
    assert torch.equal(episode.support.items, torch.tensor([[0, 0], [3, 1]]))
    assert torch.equal(episode.support.shots, torch.tensor([0.0, 2.0]))
    assert torch.equal(episode.query, torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 0]]))
    assert torch.equal(episode.profile.columns, torch.tensor([[2], [0]]))
    assert torch.equal(episode.profile.values, torch.tensor([[2.0], [1.0]]))
    assert stack([tasks[0]], profiles, items=4).support.items.shape == (1, 1)
