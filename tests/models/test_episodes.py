"""Episodes: reproducible, disjoint, shaped as promised."""

import numpy as np
import torch

from models.data import Histories
from models.episodes import sample, stack
from models.shapes import MOST_SHOTS

LENGTHS = np.array([1, 2, 9, 300])
INDPTR = np.concatenate([[0], np.cumsum(LENGTHS)])
HISTORIES = Histories(INDPTR, np.arange(INDPTR[-1], dtype=np.int32))
USERS = np.arange(len(LENGTHS))


def test_a_seed_names_a_task() -> None:
    one, same, other = (sample(HISTORIES, USERS[3:], "random", (0, step, 7)) for step in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[1], other[1])


def test_support_and_query_share_out_one_history() -> None:
    for index in range(300):
        support, query = sample(HISTORIES, USERS, "random", (1, 0, index))
        together = np.sort(np.concatenate([support, query]))
        (owner,) = np.flatnonzero((INDPTR[:-1] <= together[0]) & (together[0] < INDPTR[1:]))
        assert np.array_equal(together, HISTORIES.of(int(owner)))
        assert len(support) <= min(MOST_SHOTS, len(together) // 2)
        assert len(query) >= 1


def test_small_supports_are_seen_most_and_none_is_left_out() -> None:
    shots = [len(sample(HISTORIES, USERS[3:], "random", (2, 0, n))[0]) for n in range(8000)]
    counts = np.bincount(shots, minlength=MOST_SHOTS + 1)
    assert len(counts) == MOST_SHOTS + 1
    assert counts.min() > 0
    log_uniform = np.log1p(1 / (np.arange(MOST_SHOTS + 1) + 1.0)) / np.log(MOST_SHOTS + 2)
    assert np.abs(counts / 8000 - log_uniform).max() < 0.02


def test_time_order_takes_what_came_first() -> None:
    for index in range(50):
        support, query = sample(HISTORIES, USERS, "time", (3, 0, index))
        together = np.concatenate([support, query])
        assert np.array_equal(together, np.sort(together))


def test_stacking_pads_with_weight_zero() -> None:
    none, two = np.array([], np.int32), np.array([3, 1], np.int32)
    episode = stack([(none, two), (two, np.array([0], np.int32))], items=4)
    assert torch.equal(episode.support.items, torch.tensor([[0, 0], [3, 1]]))
    assert torch.equal(episode.support.shots, torch.tensor([0.0, 2.0]))
    assert torch.equal(episode.query, torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 0]]))
    assert stack([(none, two)], items=4).support.items.shape == (1, 1)
