"""Vectorised metrics against slow and obvious ones."""

from math import log2
from typing import TypeAlias

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.metrics import (
    PER_USER,
    POOL,
    Judgement,
    Question,
    Trials,
    judge,
    judge_trials,
    ndcg_at_10,
    tail_items,
)

Floats: TypeAlias = NDArray[np.float32]
Bools: TypeAlias = NDArray[np.bool_]


def obvious(
    scores: Floats, wanted: Bools, hidden: Bools, tail: Bools
) -> tuple[dict[str, float], list[int]]:
    shown = [item for item in range(len(scores)) if not hidden[item]]
    ranking = sorted(shown, key=lambda item: (-scores[item], item))
    in_tail = [item for item in ranking if tail[item]]
    size = int(wanted.sum())
    first = next(place for place, item in enumerate(ranking) if wanted[item])
    return {
        "ndcg@10": obvious_ndcg(ranking, wanted, size),
        "recall@20": sum(wanted[item] for item in ranking[:20]) / min(20, size),
        "hr@10": float(any(wanted[item] for item in ranking[:10])),
        "mrr": 1 / (first + 1),
        "tail_ndcg@10": obvious_ndcg(in_tail, wanted, int((wanted & tail).sum())),
    }, ranking[:10]


def obvious_ndcg(ranking: list[int], wanted: Bools, size: int) -> float:
    if not size:
        return float("nan")
    gained = sum(1 / log2(place + 2) for place, item in enumerate(ranking[:10]) if wanted[item])
    return gained / sum(1 / log2(place + 2) for place in range(min(10, size)))


@pytest.mark.parametrize("items", [11, 40, 300])
def test_judge_agrees_with_the_obvious(items: int) -> None:
    random = np.random.default_rng(items)
    users = 30
    scores = random.integers(-3, 4, (users, items)).astype(np.float32) / 2
    wanted = random.random((users, items)) < 0.1
    wanted[np.arange(users), random.integers(items, size=users)] = True
    hidden = (random.random((users, items)) < 0.05) & ~wanted
    tail = random.random(items) < 0.8
    question = Question(torch.from_numpy(wanted), torch.from_numpy(hidden))
    found = judge(torch.from_numpy(scores), question, torch.from_numpy(tail))
    for user in range(users):
        expected, top = obvious(scores[user], wanted[user], hidden[user], tail)
        assert found.values[user] == pytest.approx([expected[n] for n in PER_USER], nan_ok=True)
        assert found.top[user][: len(top)].tolist() == top


def test_quick_ndcg_is_the_judged_one_where_nothing_ties() -> None:
    random = np.random.default_rng(0)
    scores = torch.from_numpy(random.normal(size=(20, 90)).astype(np.float32))
    wanted = torch.from_numpy(random.random((20, 90)) < 0.2)
    question = Question(wanted, ~wanted & torch.from_numpy(random.random((20, 90)) < 0.2))
    judged = judge(scores, question, torch.ones(90, dtype=torch.bool))
    assert ndcg_at_10(scores, question).numpy() == pytest.approx(judged.values[:, 0])


def test_trials_split_a_history_in_pool_and_query() -> None:
    lengths = [1, 2, 7, 200]
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    history = np.concatenate([np.random.default_rng(n).permutation(250)[:n] for n in lengths])
    trials = Trials.of(np.arange(4), indptr, history.astype(np.int32), 250)
    assert trials.sizes.tolist() == [0, 1, 3, POOL]
    assert trials.rows(0).tolist() == [0, 1, 2, 3]
    assert trials.rows(3).tolist() == [2, 3]
    question = trials.question(np.array([2, 3, 0]))
    for line, user in enumerate([2, 3, 0]):
        own = history[indptr[user] : indptr[user + 1]]
        size = trials.sizes[user]
        assert set(question.hidden[line].nonzero()[:, 0].tolist()) == set(own[:size])
        assert set(question.wanted[line].nonzero()[:, 0].tolist()) == set(own[size:])
    for shots in (1, 2, 3):
        rows = trials.rows(shots)
        expected = [history[indptr[user] : indptr[user] + shots].tolist() for user in rows]
        assert trials.support(rows, shots).tolist() == expected


def test_trials_together_are_the_trials_one_after_the_other() -> None:
    random = np.random.default_rng(2)
    indptr = np.array([0, 4, 10, 30])
    parts = [
        Trials.of(np.array(users), indptr, random.permutation(30).astype(np.int32), 30)
        for users in ([0, 2], [1], [2])
    ]
    whole = Trials.together(parts)
    assert whole.users.tolist() == [0, 2, 1, 2]
    assert whole.rows(3).tolist() == [1, 2, 3]
    assert whole.support(np.array([3]), 3).tolist() == parts[2].support(np.array([0]), 3).tolist()
    for row, (part, own) in enumerate([(0, 0), (0, 1), (1, 0), (2, 0)]):
        found, alone = whole.question(np.array([row])), parts[part].question(np.array([own]))
        assert torch.equal(found.wanted, alone.wanted)
        assert torch.equal(found.hidden, alone.hidden)


def test_trials_of_nobody_and_of_users_without_history() -> None:
    trials = Trials.of(np.array([0]), np.array([0, 0, 3]), np.array([1, 2, 3], np.int32), 5)
    assert len(trials.users) == 0
    judged = judge_trials(
        lambda _, __: torch.zeros(0, 5), trials, 1, torch.ones(5, dtype=torch.bool)
    )
    assert judged.values.shape == (0, len(PER_USER))
    assert judged.top.shape == (0, 10)


def test_judging_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    history = np.concatenate([random.permutation(60)[:20] for _ in range(9)]).astype(np.int32)
    trials = Trials.of(np.arange(9), np.arange(10) * 20, history, 60)
    weights = torch.from_numpy(random.normal(size=(60, 60)))

    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> torch.Tensor:
        return weights[torch.from_numpy(support)].sum(1)

    tail = torch.from_numpy(tail_items(np.arange(60, dtype=np.float32)))
    whole = judge_trials(score, trials, 4, tail)
    monkeypatch.setattr("models.metrics.CELLS", 120)
    parts = judge_trials(score, trials, 4, tail)
    assert np.array_equal(whole.values, parts.values)
    assert np.array_equal(whole.top, parts.top)


def test_scores_that_are_no_numbers_are_refused() -> None:
    trials = Trials.of(np.array([0]), np.array([0, 4]), np.arange(4, dtype=np.int32), 8)
    with pytest.raises(ValueError, match="finite"):
        judge_trials(lambda _, __: torch.full((1, 8), torch.nan), trials, 1, torch.ones(8) > 0)


def test_a_users_repeats_are_averaged_before_all_else() -> None:
    values = np.array([[1.0, np.nan], [0, 1], [0, np.nan], [1, 0], [0.5, np.nan], [0, np.nan]])
    top = np.arange(60).reshape(6, 10)
    found = Judgement(values, top).by_user(3)
    assert found.values[:, 0] == pytest.approx([0.5, 1 / 3])
    assert np.isnan(found.values[0, 1])
    assert found.values[1, 1] == 0.5
    assert np.array_equal(found.top, top[:2])
    assert np.array_equal(Judgement(values, top).by_user(1).values, values, equal_nan=True)
