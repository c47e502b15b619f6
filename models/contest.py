"""Find the weights of a score's parts that rank best, quickly.

Only items that one of the parts would send near the top can reach a top 10, so each question keeps
those alone; trying other weights is then a matter of milliseconds for any catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.metrics import Question, ndcg_of_hits
from models.shapes import Parts

Weights: TypeAlias = Mapping[str, float]
"""By table: what the departure is multiplied with."""

SIZES = (0.0, 0.03, 0.06, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0)
"""Weights to try for a departure, in units of what makes it as large as the biases are."""

_CONTENDERS = 100
"""Items that each part of the score sends into the contest."""
_PASSES = 3
_HIDDEN = -1e9


@dataclass(frozen=True, eq=False)
class Contest:
    """Questions at one number of shots; C contenders of each."""

    users: NDArray[np.int64]
    """[n] who is asked; somebody may be asked more than once."""
    popularity: Tensor
    """[n, C]"""
    biases: Tensor
    """[n, C] far below all others where a slot is not used."""
    departures: Mapping[str, Tensor]
    """By table: [n, C]."""
    wanted: Tensor
    """[n, C] bool"""
    sizes: Tensor
    """[n] items that could have been hit."""

    @classmethod
    def of(cls, users: NDArray[np.int64], parts: Parts, question: Question) -> "Contest":
        shape = question.wanted.shape
        shared = parts.popularity.expand(shape), parts.biases.expand(shape)
        best = [
            part.masked_fill(question.hidden, -torch.inf).topk(min(_CONTENDERS, shape[1])).indices
            for part in (*shared, *parts.departures.values())
        ]
        contenders = torch.cat(best, dim=1).sort(dim=1).values
        again = torch.zeros_like(contenders, dtype=torch.bool)
        again[:, 1:] = contenders[:, 1:] == contenders[:, :-1]
        closed = again | question.hidden.gather(1, contenders)
        popularity, biases = (part.gather(1, contenders) for part in shared)
        return cls(
            users,
            popularity.masked_fill(closed, _HIDDEN),
            biases.masked_fill(closed, _HIDDEN),
            {name: part.gather(1, contenders) for name, part in parts.departures.items()},
            question.wanted.gather(1, contenders) & ~closed,
            question.wanted.sum(1),
        )

    @classmethod
    def together(cls, parts: Sequence["Contest"]) -> "Contest":
        return cls(
            np.concatenate([part.users for part in parts]),
            torch.cat([part.popularity for part in parts]),
            torch.cat([part.biases for part in parts]),
            {
                name: torch.cat([part.departures[name] for part in parts])
                for name in parts[0].departures
            },
            torch.cat([part.wanted for part in parts]),
            torch.cat([part.sizes for part in parts]),
        )

    def units(self) -> dict[str, float]:
        """By table: the weight that makes a departure as large as the biases are."""
        open_ = self.biases > _HIDDEN / 2
        spread = float(self.biases[open_].std())
        sizes = {name: float(part[open_].std()) for name, part in self.departures.items()}
        return {name: spread / size if size > 0 else 0.0 for name, size in sizes.items()}

    def marks(self, weights: Weights, gate: float | Tensor = 1.0) -> NDArray[np.float64]:
        """[users] NDCG@10, the mean over each user's questions; `gate` may be one for each, [n]."""
        scores = self.biases.clone()
        for name, weight in weights.items():
            if weight:
                scores.add_(self.departures[name], alpha=weight)
        part = torch.as_tensor(gate).reshape(-1, 1)
        if not (part == 1).all():
            scores = part * scores + (1 - part) * self.popularity
        best = scores.topk(min(10, scores.shape[1])).indices
        ndcg = ndcg_of_hits(self.wanted.gather(1, best), self.sizes).numpy()
        places, counts = self._places
        return np.bincount(places, ndcg) / counts

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each question the place of its user, and of each place how many questions."""
        _, places, counts = np.unique(self.users, return_inverse=True, return_counts=True)
        return places, counts


def best_weights(contests: Sequence[Contest], trust: Sequence[float], start: Weights) -> Weights:
    """The weights with the largest mean NDCG@10 over `contests`, each counted by its `trust`.

    Coordinate ascent from `start`; the units of the first of `contests` set the steps.
    """

    def mean(weights: Weights) -> float:
        marks = [contest.marks(weights).mean() for contest in contests]
        return float(np.average(marks, weights=trust))

    units, best = contests[0].units(), dict(start)
    reached = mean(best)
    for _ in range(_PASSES):
        before = dict(best)
        for name, unit in units.items():
            for size in SIZES if unit else ():
                tried = {**best, name: size * unit}
                if (value := mean(tried)) > reached + 1e-6:
                    best, reached = tried, value
        if best == before:
            break
    return best
