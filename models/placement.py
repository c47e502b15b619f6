"""Where new items belong in lists of old ones: high enough to be met, not so high as to harm.

What a new item scores is (row + weight * recalled + shift). Weight and shift are those by which
lists of LENGTH serve validation users best, among those that cost the old items' NDCG@10 no more
than HARM. Only the best old and the best new items can be in a list, so few of each are kept and
trying other values takes milliseconds for any catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from models.metrics import Question, ndcg_of_hits

LENGTH = 100
HARM = 0.007
"""Less than the hundredth that old items may lose, since other users than these will be served."""
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
SHIFTS = tuple(step / 2 for step in sorted(range(-6, 21), key=abs))
"""From the smallest on: of equal ones the first is taken."""

Place: TypeAlias = tuple[float, float]
"""weight, shift"""

_DISCOUNTS = 1 / torch.arange(2, LENGTH + 2, dtype=torch.float64).log2()


class Marks(NamedTuple):
    """[n] each, NaN where there is nothing to hit."""

    together: Tensor
    """NDCG@LENGTH of old and new items."""
    old: Tensor
    """NDCG@10 of old items, new ones standing in between."""
    new: Tensor
    """Recall@LENGTH of new items: the part of those wanted that is in the list."""


@dataclass(frozen=True, slots=True, eq=False)
class Lineup:
    """n questions, N old items and M new ones."""

    old: Tensor
    """[n, L] the best scores of old items, -inf where fewer may be shown."""
    old_wanted: Tensor
    """[n, L] bool"""
    row: Tensor
    """[n, M] what new items score by themselves."""
    recalled: Tensor
    """[n, M] what is added, by its weight."""
    new_wanted: Tensor
    """[n, M] bool"""
    sizes: Tensor
    """[n] old items wanted."""

    @classmethod
    def of(
        cls, old: Tensor, question: Question, row: Tensor, recalled: Tensor, new_wanted: Tensor
    ) -> "Lineup":
        """`old` [n, N] scores the items of `question`, in which no new item is asked for."""
        best = old.masked_fill(question.hidden, -torch.inf).topk(min(LENGTH, old.shape[1]), dim=1)
        wanted = question.wanted.gather(1, best.indices) & (best.values > -torch.inf)
        sizes = question.wanted.sum(1)
        return cls(best.values, wanted, row, recalled, new_wanted, sizes)

    @classmethod
    def together(cls, parts: Sequence["Lineup"]) -> "Lineup":
        names = cls.__slots__
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def marks(self, weight: float, shift: float) -> Marks:
        """How the lists are with this weight and shift."""
        scores = self.row + weight * self.recalled + shift
        best = scores.topk(min(LENGTH, scores.shape[1]), dim=1)
        values = torch.cat([self.old, best.values], dim=1)
        top = values.topk(min(LENGTH, values.shape[1]), dim=1).indices
        length = self.old.shape[1]
        is_old = top < length
        hits = torch.cat([self.old_wanted, self.new_wanted.gather(1, best.indices)], 1)
        hit = hits.gather(1, top)
        return self._judged(hit & is_old, hit & ~is_old)

    def without_new(self) -> Marks:
        return self._judged(self.old_wanted, torch.zeros_like(self.old_wanted))

    def _judged(self, old: Tensor, new: Tensor) -> Marks:
        wanted_new = self.new_wanted.sum(1)
        sizes = self.sizes + wanted_new
        ideal = torch.cat([torch.zeros(1, dtype=torch.float64), _DISCOUNTS.cumsum(0)])
        gained = ((old | new) * _DISCOUNTS[: old.shape[1]]).sum(1)
        return Marks(
            gained / ideal[sizes.clamp_max(LENGTH)].where(sizes > 0, torch.nan),
            ndcg_of_hits(old[:, :10], self.sizes),
            new.sum(1) / wanted_new.clamp_max(LENGTH).double().where(wanted_new > 0, torch.nan),
        )


def best_places(
    lineups: Mapping[int, Lineup], weights: Sequence[float] = WEIGHTS
) -> dict[int, Place]:
    """By shots; each number of shots is judged together with its neighbours, which count half.

    Where every place costs old items too much, that which costs least.
    """
    found = {
        k: {place: _means(one, place) for place in _places(weights)} for k, one in lineups.items()
    }
    before = {k: _mean(one.without_new().old) for k, one in lineups.items()}
    shots, chosen = list(lineups), dict[int, Place]()
    for position, k in enumerate(shots):
        near = shots[max(0, position - 1) : position + 2]
        trust = {other: 2.0 if other == k else 1.0 for other in near}

        def together(place: Place, trust: Mapping[int, float] = trust) -> tuple[float, float]:
            gain = sum(share * found[other][place][0] for other, share in trust.items())
            kept = sum(share * found[other][place][1] for other, share in trust.items())
            allowed = (1 - HARM) * sum(share * before[other] for other, share in trust.items())
            return min(0.0, kept - allowed), gain

        chosen[k] = max(_places(weights), key=together)
    return chosen


def _places(weights: Sequence[float]) -> list[Place]:
    return [(weight, shift) for weight in weights for shift in SHIFTS]


def _means(lineup: Lineup, place: Place) -> tuple[float, float]:
    marks = lineup.marks(*place)
    return _mean(marks.together), _mean(marks.old)


def _mean(marks: Tensor) -> float:
    """Of those that exist; 0 where none does."""
    return float(marks.nanmean().nan_to_num(0.0))
