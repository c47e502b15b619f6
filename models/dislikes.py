"""How much a dislike counts in a support, chosen on validation users who told some.

Supports are given with their signs; what is to be found is what was liked, and what was disliked
outside the support is as wrong as anything else.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.algorithms.scoring import score_items
from models.data import Dataset
from models.metrics import CELLS, SHOTS, Question, Trials, ndcg_at_10
from models.shapes import Features, Support

WEIGHTS = (0.1, 0.25, 0.5, 1.0)
"""Of a dislike beside a like. What people rate low is still of their taste, so likes alone would
choose none at all; but who says no must see less of it.
"""
FEWEST = 30
"""Users who say it, below whom nothing is learned; one asked again and again is one."""
MOST = 1000
"""Questions at one number of shots: more would say the same."""
UNLEARNED = 0.25
"""What a dislike weighs where there is nothing to learn it from."""


class Marks(NamedTuple):
    """[n] NDCG@10 of those questions where there is something to find, else NaN."""

    users: Tensor
    """[n] int64: who is asked."""
    liked: Tensor
    disliked: Tensor
    """Of what was disliked, as if it were wanted: the less, the better."""


@dataclass(frozen=True, slots=True, eq=False)
class SignedTrials:
    """Trials of people who said what they disliked."""

    trials: Trials
    profiles: Features
    """Of all users of the data."""
    disliked: csr_array
    """[U, N] above 0 where a user disliked an item."""

    @classmethod
    def of(cls, dataset: Dataset, trials: Trials, profiles: Features) -> "SignedTrials | None":
        """None where nobody told."""
        if dataset.disliked is None or not dataset.disliked.any():
            return None
        rows = np.flatnonzero(dataset.disliked)
        places = dataset.user[rows], dataset.item[rows]
        shape = len(dataset.user_ids), len(dataset.item_ids)
        return cls(
            trials, profiles, csr_array((np.ones(len(rows), np.float32), places), shape=shape)
        )

    @torch.no_grad()
    def marks(
        self, algorithm: Algorithm, slow: Slow, shots: int, weight: float, most: int | None = None
    ) -> Marks:
        """Of all whose support of that size holds a dislike, each of which counts -`weight`.

        With -1 for `weight` a dislike counts like anything else. `most` bounds how many questions
        are looked at.
        """
        nobody = torch.empty(0, dtype=torch.int64)
        found, rows = [Marks(nobody, torch.empty(0), torch.empty(0))], algorithm.item_rows(slow)
        able, size = self.trials.rows(shots)[:most], max(1, CELLS // self.trials.items)
        for start in range(0, len(able), size):
            some = able[start : start + size]
            items, users = self.trials.support(some, shots), self.trials.users[some]
            signs = self.disliked[users].toarray() > 0
            against = np.take_along_axis(signs, items, axis=1)
            told = against.any(axis=1)
            some, items, users, against = some[told], items[told], users[told], against[told]
            if not len(some):
                continue
            weights = torch.from_numpy(np.where(against, -weight, 1.0)).float()
            support = Support(torch.from_numpy(items), weights)
            scores = score_items(algorithm, slow, rows, support, self.profiles.of(users))
            question, hated = self.trials.question(some), torch.from_numpy(signs[told])
            found.append(
                Marks(
                    torch.from_numpy(users),
                    _ndcg(scores, question.wanted & ~hated, question.hidden),
                    _ndcg(scores, question.wanted & hated, question.hidden),
                )
            )
        return Marks(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def learned_weight(algorithm: Algorithm, slow: Slow, told: SignedTrials | None) -> float:
    """Of WEIGHTS the one by which likes are found best, UNLEARNED where too few told dislikes."""
    if told is None:
        return UNLEARNED
    asked = [
        [told.marks(algorithm, slow, shots, weight, MOST) for shots in SHOTS[1:]]
        for weight in WEIGHTS
    ]
    found = [torch.cat([marks.liked for marks in columns]) for columns in asked]
    answered = torch.cat([marks.users for marks in asked[0]])[~found[0].isnan()]
    if len(np.unique(answered.numpy())) < FEWEST:
        return UNLEARNED
    return max(zip(found, WEIGHTS, strict=True), key=lambda one: float(one[0].nanmean()))[1]


def _ndcg(scores: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
    marks = ndcg_at_10(scores, Question(wanted, hidden))
    return marks.where(wanted.any(dim=1), torch.nan)
