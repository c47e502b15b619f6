"""What held-out users are asked, and how well a ranking of the whole catalogue answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Score: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], Tensor]
"""Users [B] and their supports [B, shots] of item indices -> scores [B, N]."""

POOL = 50
"""The largest support, unless a larger one is asked for."""
SHOTS = (0, 1, 2, 3, 5, 10, 20, 50)
CLAIMABLE_USERS = 200
"""A column of fewer users carries no claim."""
PER_USER = ("ndcg@10", "recall@20", "hr@10", "mrr", "tail_ndcg@10")

CELLS = 8_000_000
"""Users x items judged at once: a few hundred megabytes."""
_DISCOUNTS = 1 / torch.arange(2, 12, dtype=torch.float64).log2()


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Users and what is asked of each: the pool's first k items are the support at k (so supports
    are nested), what is outside the pool is the query at every k.

    Items of the pool are neither hits nor misses at any k: they leave the ranking, so that the
    candidates and the query of a user are the same in every column.
    """

    users: NDArray[np.int64]
    """[n]"""
    pool: NDArray[np.int64]
    """[n, most] item indices in support order; 0 where the pool has ended."""
    sizes: NDArray[np.int64]
    """[n] min(most, half of the user's items)."""
    indptr: NDArray[np.int64]
    """[n + 1] of `query`."""
    query: NDArray[np.int64]
    """Item indices, user by user."""
    items: int
    """Size of the catalogue."""

    @classmethod
    def of(
        cls,
        users: NDArray[np.int64],
        indptr: NDArray[np.int64],
        history: NDArray[np.int32],
        items: int,
        most: int = POOL,
    ) -> "Trials":
        """Trials of `users` from histories in compressed rows; `most` is the largest support.

        >>> trials = Trials.of(np.array([0]), np.array([0, 5]), np.array([7, 3, 1, 4, 9]), 10)
        >>> trials.support(np.array([0]), 2), trials.query
        (array([[7, 3]]), array([1, 4, 9]))
        """
        lengths = indptr[users + 1] - indptr[users]
        users = users[lengths > 0]
        start, end = indptr[users], indptr[users + 1]
        sizes = np.minimum(most, (end - start) // 2)
        slots = np.arange(most)
        places = np.minimum(start[:, None] + slots, len(history) - 1)
        pool = np.where(slots < sizes[:, None], history[places], 0).astype(np.int64)
        asked = end - start - sizes
        ends = np.concatenate([[0], np.cumsum(asked)])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], asked)
        query = history[np.repeat(start + sizes, asked) + within].astype(np.int64)
        return cls(users, pool, sizes, ends, query, items)

    @classmethod
    def together(cls, parts: Sequence["Trials"]) -> "Trials":
        """All trials of `parts`, which may ask the same users about different supports."""
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        return cls(
            np.concatenate([part.users for part in parts]),
            np.concatenate([part.pool for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.concatenate([part.query for part in parts]),
            parts[0].items,
        )

    def rows(self, shots: int) -> NDArray[np.int64]:
        """The trials whose pool is large enough for so many shots."""
        return np.flatnonzero(self.sizes >= shots)

    def support(self, rows: NDArray[np.int64], shots: int) -> NDArray[np.int64]:
        """[len(rows), shots] item indices."""
        return self.pool[rows, :shots]

    def question(self, rows: NDArray[np.int64]) -> "Question":
        """What is asked of `rows`."""
        width = len(rows), self.items
        wanted, hidden = np.zeros(width, bool), np.zeros(width, bool)
        lengths = np.diff(self.indptr)[rows]
        line = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(len(line)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wanted[line, self.query[np.repeat(self.indptr[rows], lengths) + within]] = True
        used = np.arange(self.pool.shape[1]) < self.sizes[rows, None]
        hidden[np.nonzero(used)[0], self.pool[rows][used]] = True
        return Question(torch.from_numpy(wanted), torch.from_numpy(hidden))


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    wanted: Tensor
    """[B, N] bool: the query."""
    hidden: Tensor
    """[B, N] bool: the pool, left out of the ranking."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    values: NDArray[np.float64]
    """[B, len(PER_USER)]; NaN where the metric does not exist for the user."""
    top: NDArray[np.int64]
    """[B, 10] the list that was judged, best first."""

    def by_user(self, repeats: int) -> "Judgement":
        """For the same users judged `repeats` times over: their means, and their first lists.

        A metric that does not exist for some repeats is the mean of the others.

        >>> twice = Judgement(np.array([[1.0], [2], [3], [np.nan]]), np.zeros((4, 10), int))
        >>> twice.by_user(2).values.ravel().tolist()
        [2.0, 2.0]
        """
        values = self.values.reshape(repeats, -1, self.values.shape[1])
        present = ~np.isnan(values)
        counts = present.sum(0)
        means = np.where(present, values, 0).sum(0) / np.where(counts > 0, counts, np.nan)
        return Judgement(means, self.top[: values.shape[1]])


def judge(scores: Tensor, question: Question, tail: Tensor) -> Judgement:
    """Rank the catalogue by `scores` [B, N], ties by index, and judge the ranking.

    NDCG@10 and recall@20 divide by what the best possible list reaches (min(20, |query|) hits for
    recall, as Liang et al. 2018); HR@10 is 1 if any of ten is a hit; MRR is 1 / the rank of the
    first hit. Tail NDCG@10 ranks and asks for the items in `tail` [N] bool only, and does not
    exist for users whose query has none.

    >>> asked = Question(torch.tensor([[True, False, True]]), torch.tensor([[False] * 3]))
    >>> values = judge(torch.tensor([[0.1, 0.9, 0.5]]), asked, torch.tensor([True] * 3)).values
    >>> [round(float(value), 3) for value in values[0]]
    [0.693, 1.0, 1.0, 0.5, 0.693]
    """
    keys = order_keys(scores)
    best, hits = _top(keys, question.wanted, question.hidden, 20)
    size = question.wanted.sum(1)
    first = keys.masked_fill(~question.wanted, _LOWEST).amax(1, keepdim=True)
    ahead = ((keys > first) & ~question.hidden).sum(1)
    asked_tail = question.wanted & tail
    _, tail_hits = _top(keys, asked_tail, question.hidden | ~tail, 10)
    values = [
        ndcg_of_hits(hits[:, :10], size),
        hits.sum(1) / size.clamp(1, 20),
        hits[:, :10].any(1),
        1 / (ahead + 1.0),
        ndcg_of_hits(tail_hits, asked_tail.sum(1)),
    ]
    table = torch.stack([value.double() for value in values], dim=1)
    return Judgement(table.numpy(), best[:, :10].numpy())


def judge_trials(score: Score, trials: Trials, shots: int, tail: Tensor) -> Judgement:
    """Judge `score` on all trials with so many shots.

    Raises:
        ValueError: A score is not a finite number.
    """
    rows = trials.rows(shots)
    parts = []
    for start in range(0, len(rows), step := max(1, CELLS // trials.items)):
        some = rows[start : start + step]
        scores = score(trials.users[some], trials.support(some, shots))
        if not scores.isfinite().all():
            raise ValueError("scores must be finite numbers")
        parts.append(judge(scores, trials.question(some), tail))
    if not parts:
        return Judgement(np.empty((0, len(PER_USER))), np.empty((0, 10), np.int64))
    return Judgement(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.top for part in parts]),
    )


def ndcg_at_10(scores: Tensor, question: Question) -> Tensor:
    """[B] NDCG@10 with ties in any order: quick, to choose with, not to report."""
    best = scores.masked_fill(question.hidden, -torch.inf).topk(min(10, scores.shape[1]), dim=1)
    hits = question.wanted.gather(1, best.indices) & (best.values > -torch.inf)
    return ndcg_of_hits(hits, question.wanted.sum(1))


def coverage(top: NDArray[np.int64], items: int) -> float:
    """The part of the catalogue that is in anybody's list.

    >>> coverage(np.array([[0, 1], [1, 2]]), 4)
    0.75
    """
    return len(np.unique(top)) / items


def tail_items(popularity: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[N] all items but the most popular tenth, ties by index.

    >>> tail_items(np.array([5.0, 9, 1, 1, 1, 1, 1, 1, 1, 1])).nonzero()[0].tolist()
    [0, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    tail = np.ones(len(popularity), bool)
    head = -(-len(popularity) // 10)
    tail[np.argsort(-popularity, kind="stable")[:head]] = False
    return tail


_LOWEST = torch.iinfo(torch.int64).min


def order_keys(scores: Tensor) -> Tensor:
    """[B, N] int64, all different in a row: they sort as (score, earlier index first) does.

    >>> order_keys(torch.tensor([[1.0, -2.0, 1.0, 0.0]])).argsort(descending=True).tolist()
    [[0, 2, 3, 1]]
    """
    bits = (scores.float() + 0.0).contiguous().view(torch.int32)
    bits = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    backwards = torch.arange(scores.shape[1] - 1, -1, -1)
    return (bits.long() << 32) | backwards


def _top(keys: Tensor, wanted: Tensor, hidden: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """[B, length] the best indices, and which of them are hits (hidden items never are)."""
    shown = keys.masked_fill(hidden, _LOWEST)
    best = shown.topk(min(length, keys.shape[1]), dim=1)
    hits = wanted.gather(1, best.indices) & (best.values > _LOWEST)
    return best.indices, hits


def ndcg_of_hits(hits: Tensor, size: Tensor) -> Tensor:
    """[B] of the first ten `hits`, where `size` [B] items could have been hit; NaN if none."""
    discounts = _DISCOUNTS[: hits.shape[1]]
    ideal = torch.cat([torch.zeros(1, dtype=torch.float64), _DISCOUNTS.cumsum(0)])
    return (hits * discounts).sum(1) / ideal[size.clamp(0, 10)].where(size > 0, torch.nan)
