"""What training learns of how the first users of a new item tell whom it is for.

The company of an item are the trained items that its first users know: see
models.algorithms.company. A ridge regression foretells an item's vector from the mean vector of its
company; trained items teach it, each left out of the histories of its users. Then samples of items
are hidden, as in models.newcomers, and come with a few users each. How soon to believe their
company, and how high they may stand by it, is chosen in the lists of validation users, so that most
of the new items that they want are in lists of 100 while old items lose little and whole lists
nothing. If nothing is better than no company at all, nothing is learned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import Tensor

from models.algorithms import company as by_company
from models.algorithms.interface import Slow, Trainable
from models.algorithms.likeness import Likeness
from models.metrics import SHOTS
from models.newcomers import SURE, Newcomers, hidden_samples
from models.placement import Lineup, Means, Place, means, raised
from models.progress import OnProgress, silent, told_of
from models.shapes import MOST_SHOTS, Company, Features, Kin
from models.unmet import Unmet, asked_before
from models.validation import Exam, interpolated

MOST_USERS = 50
"""First users asked."""
MOST_COMPANY = 500
"""Items kept of a company, those that most of the users know."""
DOUBTS = (20.0, 10.0, 5.0)
"""Users by whom half of an item is company, to try."""
FEW = 5
"""Users below which an item must not be met less than without company."""
WEIGHTS = (0.0, 0.5, 1.0)
SHIFTS = tuple(step / 4 for step in range(-32, 33))
RIDGE = 0.01
"""Of the mean variance of the company's mean vectors."""

_NOWHERE: Place = 0.0, 0.0
_SAMPLES = 4
_MOST_QUESTIONS = 100
"""Of one sample."""


@dataclass(frozen=True, slots=True)
class FirstUsers:
    """Of training users and the items that are hidden from them."""

    newcomers: Newcomers
    likeness: Likeness | None
    met: csr_array
    """[U, N] 1 where a training user met an item."""
    seed: int

    def taught(
        self, algorithm: Trainable, slow: Slow, exam: Exam, tell: OnProgress = silent
    ) -> dict[str, Tensor]:
        """The slow weights of models.algorithms.company; none where they do not help."""
        samples = hidden_samples(self.met.shape[1], self.seed)[:_SAMPLES]
        mocks = [self._mock(algorithm, slow, hidden, turn) for turn, hidden in enumerate(samples)]
        shots = [k for k in SHOTS if len(exam.trials.rows(k))]
        if not mocks or not shots:
            return {}
        asked = {
            k: [mock.asked(algorithm, slow, exam, k) for mock in mocks]
            for k in told_of(shots, tell)
        }
        chosen = _chosen(asked)
        if chosen is None:
            return {}
        doubt, places = chosen
        tables = zip(by_company.PLACING, zip(*places.values(), strict=True), strict=True)
        return {
            **fitted(slow["item_vectors"], self.met),
            "company_doubt": torch.tensor(doubt),
            **{
                name: torch.tensor(interpolated(dict(zip(places, values, strict=True))))
                for name, values in tables
            },
        }

    def _mock(
        self, algorithm: Trainable, slow: Slow, hidden: NDArray[np.bool_], turn: int
    ) -> "_Mock":
        """Hidden items, each with as many users as chance will have it, few rather than many."""
        partial, contents = slow, self.newcomers.contents.of(np.flatnonzero(hidden))
        if self.likeness is not None:
            partial, contents = self.newcomers.without(slow, self.likeness, hidden)
        kept = np.flatnonzero(~hidden)
        learned = fitted(slow["item_vectors"][torch.from_numpy(kept)], self.met[:, kept])
        rows = algorithm.content_rows(partial, contents)
        lacking = self.newcomers.lacking(rows, hidden)
        rows[:, -2:] += lacking
        random = np.random.default_rng((self.seed, turn))
        users, shares = self._arrivals(hidden, random)
        told = torch.tensor([len(one) for one in users], dtype=torch.float64)
        of_all = torch.from_numpy(shares * float(self.met.sum()))
        known: csr_array = csr_array(self.met @ diags_array((~hidden).astype(np.float64)))
        known.eliminate_zeros()
        return _Mock(
            hidden,
            {**partial, **learned},
            contents,
            company_of(windows(known, random), users),
            lacking,
            algorithm.popularity_shift(slow, rows, told, of_all).float(),
        )

    def _arrivals(
        self, hidden: NDArray[np.bool_], random: np.random.Generator
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
        """Of M hidden items the first users, and [M] which share these are of all they have."""
        columns = self.met.tocsc()[:, np.flatnonzero(hidden)]
        counts = np.diff(columns.indptr)
        most = np.exp(random.uniform(0, np.log(MOST_USERS + 1), len(counts))).astype(np.int64)
        users = [
            random.permutation(some)[:number].astype(np.int64)
            for some, number in zip(
                np.split(columns.indices, columns.indptr[1:-1]), most, strict=True
            )
        ]
        return users, np.minimum(most, counts) / np.maximum(counts, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Mock:
    """M hidden items that come with first users."""

    hidden: NDArray[np.bool_]
    slow: Slow
    """That know nothing of them, with the map from company to vectors."""
    contents: Features
    company: Company
    lacking: float
    shift: Tensor
    """[M] live popularity."""

    def asked(self, algorithm: Trainable, slow: Slow, exam: Exam, shots: int) -> "_Asked":
        """How their lists are without company, and what stands in them by each doubt."""
        with_doubt = [self._arrived(algorithm, doubt) for doubt in DOUBTS]
        without = self._arrived(algorithm, None)
        parts: list[list[Lineup]] = [[] for _ in (without, *with_doubt)]
        for unmet in asked_before(algorithm, slow, exam, shots, self.hidden, _MOST_QUESTIONS):
            for lineups, arrived in zip(parts, (without, *with_doubt), strict=True):
                lineups.append(arrived.lineup(algorithm, self.shift, unmet))
        without_any, *lineups = map(Lineup.together, parts)
        return _Asked(without_any, lineups, self.company.users < FEW)

    def _arrived(self, algorithm: Trainable, doubt: float | None) -> "_Arrived":
        company, slow = None, self.slow
        moved = torch.zeros(len(self.shift))
        if doubt is not None:
            nothing = dict.fromkeys(by_company.PLACING, torch.zeros(MOST_SHOTS + 1))
            slow = {**slow, **nothing, "company_doubt": torch.tensor(doubt)}
            company, moved = self.company, by_company.moved(slow, self.company)
        rows = algorithm.content_rows(slow, self.contents, company)
        rows[:, -2:] += self.lacking
        return _Arrived(slow, rows, algorithm.kin(slow, self.contents, company), moved)


class _Arrived(NamedTuple):
    slow: Slow
    rows: Tensor
    """[M, D]"""
    kin: Kin
    moved: Tensor
    """[M]"""

    def lineup(self, algorithm: Trainable, shift: Tensor, unmet: Unmet) -> Lineup:
        """What stands by content is fixed; what stands by company goes by the place to choose."""
        personal, known = unmet.personal, self.kin.shares.sum(1)
        of_kin = self.kin.mean(unmet.recalled)
        fixed = algorithm.recollect_newer(self.slow, personal, of_kin, known, None)
        score = algorithm.score(self.slow, personal, self.rows) + shift
        part = self.moved**2
        row = (score + (1 - part) * fixed).masked_fill(unmet.closed, -torch.inf)
        reach = personal.gate.unsqueeze(1) * known * part
        return Lineup.of(unmet.old, unmet.question, (row, part * of_kin, reach), unmet.wanted)


class _Asked(NamedTuple):
    """The lists of one sample at one number of shots."""

    without: Lineup
    """Company counts for nothing, so it goes by no place."""
    lineups: Sequence[Lineup]
    """One for each of DOUBTS."""
    few: Tensor
    """[M] bool: the item has hardly any users."""

    def of_few(self, lineup: Lineup, place: Place) -> float:
        """Recall of those new items, if company counted for them alone."""
        weight, shift = place
        scores = lineup.row + weight * lineup.recalled + shift * lineup.reach
        row = torch.where(self.few, scores, self.without.row)
        wanted = self.without.new_wanted & self.few
        return means(replace(self.without, row=row, new_wanted=wanted).marks(*_NOWHERE)).new


def _chosen(
    asked: Mapping[int, Sequence[_Asked]],
) -> tuple[float, Mapping[int, Place]] | None:
    """The doubt with the highest mean recall, and places by shots; None if it is best without.

    At no number of shots may the recall be less than without company, nor, on average, that of
    items with few users.
    """
    before = {k: [means(one.without.marks(*_NOWHERE)) for one in some] for k, some in asked.items()}
    best = float(np.mean([one.new for some in before.values() for one in some]))
    chosen: tuple[float, Mapping[int, Place]] | None = None
    if best == 1:  # so few items that all of them are in every list
        return None
    for number, doubt in enumerate(DOUBTS):
        places = _placed(asked, before, number)
        if not places:
            continue
        recalls, of_few = list[float](), list[float]()
        for k, samples in asked.items():
            for one in samples:
                place, lineup = places.get(k, _NOWHERE), one.lineups[number]
                recalls.append(means(lineup.marks(*place)).new)
                of_few.append(one.of_few(lineup, place) - one.of_few(one.without, _NOWHERE))
        if np.mean(recalls) > best and np.mean(of_few) >= 0:
            best, chosen = float(np.mean(recalls)), (doubt, places)
    return chosen


def _placed(
    asked: Mapping[int, Sequence[_Asked]], before: Mapping[int, Sequence[Means]], number: int
) -> Mapping[int, Place]:
    """By shots, for one of DOUBTS; none at all where lists would be worse at any."""
    places = dict[int, Place]()
    for k, samples in asked.items():
        lineups = [one.lineups[number] for one in samples]
        if not any(one.reach.any() for one in lineups):
            continue
        found = raised(lineups, before[k], WEIGHTS, SHIFTS)
        if found is None or found[0] < np.mean([one.new for one in before[k]]):
            return {}
        places[k] = found[1]
    return places


def fitted(vectors: Tensor, met: csr_array) -> dict[str, Tensor]:
    """company_map, company_mean and company_base from item vectors [N, d] and interactions [U, N].

    The company of each item are the histories of its users without the item.
    """
    known, lengths = vectors.double().numpy(), np.asarray(met.sum(1)).ravel()
    others = np.where(lengths > 1, 1 / np.maximum(lengths - 1, 1), 0)
    counts = np.asarray(met.sum(0)).ravel()
    summed = met.T @ ((met @ known) * others[:, None]) - known * (met.T @ others)[:, None]
    near, sure = summed / np.maximum(counts, 1)[:, None], counts / (counts + SURE) + 1e-9
    mean, base = (np.average(part, axis=0, weights=sure) for part in (near, known))
    centred = near - mean
    spread = (centred * sure[:, None]).T @ centred
    ridge = RIDGE * max(np.trace(spread) / len(spread), 1e-9) * np.eye(len(spread))
    right = (centred * sure[:, None]).T @ (known - base)
    return {
        "company_map": torch.from_numpy(np.linalg.solve(spread + ridge, right).astype(np.float32)),
        "company_mean": torch.from_numpy(mean.astype(np.float32)),
        "company_base": torch.from_numpy(base.astype(np.float32)),
    }


def windows(met: csr_array, random: np.random.Generator) -> csr_array:
    """[U, N] of what users met [U, N] so much as is remembered of them; rows that add up to 1."""
    kept = [
        items if len(items) <= MOST_SHOTS else random.choice(items, MOST_SHOTS, replace=False)
        for items in np.split(met.indices, met.indptr[1:-1])
    ]
    lengths = np.array([len(items) for items in kept])
    values = np.repeat(1 / np.maximum(lengths, 1), lengths)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    found: csr_array = csr_array((values, np.concatenate(kept), ends), shape=met.shape)
    return found


def company_of(known: csr_array, users: Sequence[NDArray[np.int64]]) -> Company:
    """Of items with these first users, of whom `windows` tells what they know."""
    counts = np.array([len(one) for one in users])
    ends = np.concatenate([[0], np.cumsum(counts)])
    everyone = np.concatenate([*users, np.zeros(0, np.int64)])
    whose = csr_array((np.ones(len(everyone)), everyone, ends), shape=(len(users), known.shape[0]))
    summed = (whose @ known).tocsr()
    width = max(1, min(MOST_COMPANY, int(np.diff(summed.indptr).max(initial=0))))
    items, shares = np.zeros((len(users), width), np.int64), np.zeros((len(users), width), "f4")
    for row, (start, end) in enumerate(zip(summed.indptr, summed.indptr[1:], strict=False)):
        found, sizes = summed.indices[start:end], summed.data[start:end]
        most = np.lexsort((found, -sizes))[:width]
        items[row, : len(most)] = found[most]
        shares[row, : len(most)] = sizes[most] / max(sizes[most].sum(), 1e-9)
    return Company(
        torch.from_numpy(items), torch.from_numpy(shares), torch.from_numpy(counts * 1.0)
    )
