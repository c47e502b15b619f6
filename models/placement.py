"""Where new items belong in lists of old ones: high enough to be met, not so high as to harm.

What a new item scores is (row + weight * recalled + shift * reach). Weight and shift are those by
which lists of LENGTH hold most of the new items that validation users want, among those that do no
more than HARM: neither to the NDCG@10 of old items nor to the NDCG@LENGTH of old and new ones, lest
lists be stuffed behind the tenth place. The higher new items are, the more of them are met and the
more is lost, so the best shift is the highest that is allowed. Only the best old and the best new
items can be in a list, so few of each are kept and trying other values takes milliseconds for any
catalogue.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from models.metrics import Question, ndcg_of_hits

LENGTH = 100
HARM = 0.005
"""Less than the hundredth that old items may lose: other users will be served, and other items."""
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
SHIFTS = tuple(step / 8 for step in range(-160, 161))
"""Ascending; with the first hardly any new item is in a list."""

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
    reach: Tensor
    """[n, M] how far a shift is followed."""
    new_wanted: Tensor
    """[n, M] bool"""
    sizes: Tensor
    """[n] old items wanted."""

    @classmethod
    def of(
        cls,
        old: Tensor,
        question: Question,
        new: tuple[Tensor, Tensor, Tensor],
        new_wanted: Tensor,
    ) -> "Lineup":
        """`old` [n, N] scores the items of `question`, in which no new item is asked for.

        `new`: row, recalled and reach.
        """
        best = old.masked_fill(question.hidden, -torch.inf).topk(min(LENGTH, old.shape[1]), dim=1)
        wanted = question.wanted.gather(1, best.indices) & (best.values > -torch.inf)
        sizes = question.wanted.sum(1)
        return cls(best.values, wanted, *new, new_wanted, sizes)

    @classmethod
    def together(cls, parts: Sequence["Lineup"]) -> "Lineup":
        names = cls.__slots__
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def marks(self, weight: float, shift: float) -> Marks:
        """How the lists are with this weight and shift."""
        scores = self.row + weight * self.recalled + shift * self.reach
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
    lineups: Mapping[int, Sequence[Lineup]], weights: Sequence[float] = WEIGHTS
) -> dict[int, Place]:
    """By shots, from a lineup for each of several samples of new items.

    Where every place does too much harm, or none lets new ones be met, they are kept out. There is
    none where no shift is followed.
    """
    chosen = dict[int, Place]()
    for k, samples in lineups.items():
        if not any(sample.reach.any() for sample in samples):
            continue
        tried = [(0.0, weights[0], SHIFTS[0])]
        tried += [lifted(samples, weight, SHIFTS) for weight in weights]
        _, weight, shift = max(tried, key=lambda one: one[0])
        chosen[k] = weight, shift
    return chosen


def lifted(
    samples: Sequence[Lineup], weight: float, shifts: Sequence[float]
) -> tuple[float, float, float]:
    """(recall of new items, `weight`, shift) with the highest of `shifts` that does no harm.

    What new items cost depends on the few that stand highest, so no sample of them may do harm; the
    recall is the mean over all. Where all shifts do harm, the first, with no recall.
    """
    before = [sample.without_new() for sample in samples]

    def harms(shift: float) -> bool:
        return any(
            _mean(after.old) < (1 - HARM) * _mean(alone.old)
            or _mean(after.together) < (1 - HARM) * _mean(alone.together)
            for sample, alone in zip(samples, before, strict=True)
            for after in [sample.marks(weight, shift)]
        )

    place = bisect_left(shifts, x=True, key=harms)
    if not place:
        return 0.0, weight, shifts[0]
    shift = shifts[place - 1]
    recalls = [_mean(sample.marks(weight, shift).new) for sample in samples]
    return sum(recalls) / len(recalls), weight, shift


class Means(NamedTuple):
    """Of `Marks` over those questions for which they exist; 0 where there is none."""

    together: float
    old: float
    new: float


def raised(
    samples: Sequence[Lineup],
    before: Sequence[Means],
    weights: Sequence[float],
    shifts: Sequence[float],
) -> tuple[float, Place] | None:
    """(recall of new items, place): the best place, beside lists whose means were `before`.

    In no sample do old items lose more than HARM, and over all lists as a whole lose nothing. None
    where that cannot be.
    """
    limits, whole = [(1 - HARM) * one.old for one in before], sum(one.together for one in before)
    best: tuple[float, Place] | None = None
    for weight in weights:
        found = dict[int, list[Means]]()

        def at(place: int, weight: float = weight, found: dict[int, list[Means]] = found) -> bool:
            if place not in found:
                found[place] = [means(sample.marks(weight, shifts[place])) for sample in samples]
            return any(one.old < limit for one, limit in zip(found[place], limits, strict=True))

        for place in range(bisect_left(range(len(shifts)), x=True, key=at) - 1, -1, -1):
            at(place)
            recall = sum(one.new for one in found[place]) / len(samples)
            if best is not None and recall <= best[0]:
                break
            if sum(one.together for one in found[place]) >= whole:
                best = recall, (weight, shifts[place])
                break
    return best


def means(marks: Marks) -> Means:
    return Means(*map(_mean, marks))


def _mean(marks: Tensor) -> float:
    """Of those that exist; 0 where none does."""
    return float(marks.nanmean().nan_to_num(0.0))
