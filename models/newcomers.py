"""What training teaches of items that it never saw: some of those that it saw are hidden.

From what is known of all other items the rows of the hidden ones are foretold, and they are placed
in the lists of validation users, who stay without them in their supports. So is learned how much of
an expected rate to believe, what the recollection of kin counts for, and how high new items may
climb. What they cost depends on the few that climb highest, so several samples are hidden, one
after the other. Then the map from features to rows is fitted to all items.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models.algorithms.interface import Slow, Trainable
from models.algorithms.likeness import Likeness, Ridge, Weighing
from models.features import to_csr
from models.metrics import SHOTS
from models.placement import Lineup, Place, best_places
from models.progress import OnProgress, silent, told_of
from models.shapes import MOST_SHOTS, Features, Kin
from models.unmet import asked_before
from models.validation import Exam, interpolated

HIDDEN_SHARE = 0.1
FEWEST_HIDDEN, MOST_HIDDEN = 200, 2000
"""Where there are many fewer items, a quarter of them is hidden."""
SAMPLES = 8
"""At most, without an item in common."""
SURE = 10.0
"""Users with whom an item's vector is half known."""
MOST_KNOWN = 64
"""Features kept of an item, to tell whose kin it is."""
TRUSTS = tuple(float(trust) for trust in np.geomspace(0.1, 1e4, 51))

_MOST_QUESTIONS = 100
"""Of one sample."""


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What is known of the items, and how it is used."""

    contents: Features
    """[N, J]"""
    size: int
    """V"""
    counts: NDArray[np.float64]
    """[N] training users who met each item."""
    users: int
    """Training users."""

    def likeness(self, slow: Slow, seed: int) -> Likeness | None:
        """How features count; None where nothing is known of items, or they are too few."""
        samples = hidden_samples(len(self.counts), seed)
        if not self.size or not samples:
            return None
        return Likeness.chosen(self._known(~samples[0]), _centred(slow, ~samples[0]), seed)

    def taught(
        self,
        algorithm: Trainable,
        slow: Slow,
        exam: Exam,
        seed: int,
        chosen: Likeness | None,
        tell: OnProgress = silent,
    ) -> tuple[dict[str, Tensor], Mapping[int, Mapping[str, float]]]:
        """The slow weights of models.algorithms.newcomer, and how well hidden items are met.

        The latter by shots, for validation users; nothing at all without a likeness.
        """
        samples = hidden_samples(len(self.counts), seed)
        if chosen is None:
            return {}, {}
        met = [
            self._met(algorithm, slow, exam, chosen, hidden) for hidden in told_of(samples, tell)
        ]
        rates = np.concatenate([one.rates for one in met])
        counts = np.concatenate([self.counts[hidden] for hidden in samples])
        lineups = {k: [one.lineups[k] for one in met] for k in met[0].lineups}
        places = best_places(lineups)
        taught = self.described(slow, chosen, np.arange(len(self.counts)))
        taught["content_base"][-1] += float(np.mean([one.lacking for one in met]))
        tables = {
            "content_weight": {k: weight for k, (weight, _) in places.items()},
            "content_shift": {k: shift for k, (_, shift) in places.items()},
        }
        return {
            **taught,
            "content_chances": torch.tensor(trusted_chances(counts, rates, self.users)),
            **{name: torch.tensor(interpolated(table)) for name, table in tables.items()},
        }, {
            k: {
                "new_recall@100": float(
                    np.mean([_recall(one, places.get(k, (0.0, 0.0))) for one in some])
                )
            }
            for k, some in lineups.items()
        }

    def _met(
        self,
        algorithm: Trainable,
        slow: Slow,
        exam: Exam,
        chosen: Likeness,
        hidden: NDArray[np.bool_],
    ) -> "_Met":
        """The `hidden` items, foretold from all others, in the lists of validation users."""
        partial, contents = self.without(slow, chosen, hidden)
        rows, kin = algorithm.content_rows(partial, contents), algorithm.kin(partial, contents)
        lacking = self.lacking(rows, hidden)
        rows[:, -2:] += lacking
        found = {k: _lineup(algorithm, slow, exam, k, hidden, rows, kin) for k in SHOTS}
        return _Met(
            rows[:, -1].double().exp().numpy(),
            lacking,
            {k: lineup for k, lineup in found.items() if lineup is not None},
        )

    def without(
        self, slow: Slow, chosen: Likeness, hidden: NDArray[np.bool_]
    ) -> tuple[Slow, Features]:
        """Slow weights that know nothing of the `hidden` items, and the content of these."""
        partial = {**slow, **self.described(slow, chosen, np.flatnonzero(~hidden))}
        return partial, self.contents.of(np.flatnonzero(hidden))

    def lacking(self, rows: Tensor, hidden: NDArray[np.bool_]) -> float:
        """What the log rates of these `rows` of the hidden items are too low by on average."""
        return float(np.log(self._rate(hidden)) - rows[:, -1].exp().mean().log())

    def described(
        self, slow: Slow, chosen: Likeness, items: NDArray[np.int64]
    ) -> dict[str, Tensor]:
        """The map from features to rows, fitted to `items`, which alone can be anybody's kin."""
        known = self._known(items)
        weighing = Weighing.of(known, chosen.weighing.power, chosen.weighing.rarity)
        rows = weighing.rows(known)
        sure = np.sqrt(self.counts[items] / (self.counts[items] + SURE)).astype(np.float32)
        vectors = slow["item_vectors"].numpy()[items]
        rates = slow["popularity"].numpy()[items, None]
        mean = np.concatenate([np.average(vectors, axis=0, weights=sure**2 + 1e-9), rates.mean(0)])
        surely = csr_array(rows * sure[:, None])
        right = surely.T @ ((vectors - mean[:-1]) * sure[:, None]), rows.T @ (rates - mean[-1])
        parts = [
            Ridge(one, chosen.penalty).solve(side.astype(np.float32))
            for one, side in zip((surely, rows), right, strict=True)
        ]
        columns, values = _padded(rows, items, len(self.counts))
        return {
            "content_scale": torch.from_numpy(weighing.scale),
            "content_power": torch.tensor(weighing.power),
            "content_map": torch.from_numpy(np.concatenate(parts, axis=1)),
            "content_base": torch.from_numpy(mean.astype(np.float32)),
            "content_columns": columns,
            "content_values": values,
        }

    def _known(self, items: NDArray[np.int64] | NDArray[np.bool_]) -> csr_array:
        return to_csr(self.contents, self.size)[items]

    def _rate(self, items: NDArray[np.bool_]) -> NDArray[np.float64]:
        """[] the mean rate at which users met these items, smoothed as popularity is."""
        return np.asarray((self.counts[items].mean() + 1) / (self.users + 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """What became of one sample of hidden items."""

    rates: NDArray[np.float64]
    """[M] expected, on average as they are."""
    lacking: float
    """What had to be added to their logarithm for that."""
    lineups: Mapping[int, Lineup]
    """By shots."""


def hidden_samples(items: int, seed: int) -> list[NDArray[np.bool_]]:
    """Each [N], with other items; none where there are hardly any."""
    number = min(max(FEWEST_HIDDEN, min(MOST_HIDDEN, int(HIDDEN_SHARE * items))), items // 4)
    order = np.random.default_rng(seed).permutation(items)
    samples = min(SAMPLES, items // number) if number else 0
    return [
        np.isin(np.arange(items), order[place * number : (place + 1) * number])
        for place in range(samples)
    ]


def trusted_chances(met: NDArray[np.float64], expected: NDArray[np.float64], users: int) -> float:
    """How many chances to be met an expected rate counts for, of TRUSTS the most likely.

    If true rates scatter around the expected ones [n] as a gamma distribution does and events are
    Poisson, the counts `met` [n] among so many users are negative binomial.
    """
    counts = torch.from_numpy(met)
    trust = torch.tensor(TRUSTS, dtype=torch.float64)[:, None]
    shape = trust * torch.from_numpy(expected)
    likelihood = (
        torch.lgamma(counts + shape)
        - torch.lgamma(shape)
        + shape * (trust / (trust + users)).log()
        + counts * (users / (trust + users)).log()
    )
    return TRUSTS[int(likelihood.sum(1).argmax())]


@torch.no_grad()
def _lineup(
    algorithm: Trainable,
    slow: Slow,
    exam: Exam,
    shots: int,
    hidden: NDArray[np.bool_],
    rows: Tensor,
    kin: Kin,
) -> Lineup | None:
    """Validation users with so many shots, less hidden items; None if there is nobody."""
    none, one = torch.zeros(MOST_SHOTS + 1), torch.ones(MOST_SHOTS + 1)
    told = {**slow, "content_weight": one, "content_shift": none}
    lifted = {**slow, "content_weight": none, "content_shift": one}
    known, parts = kin.shares.sum(1), list[Lineup]()
    for asked in asked_before(algorithm, slow, exam, shots, hidden, _MOST_QUESTIONS):
        personal, of_kin = asked.personal, kin.mean(asked.recalled)
        new = (
            algorithm.score(slow, personal, rows).masked_fill(asked.closed, -torch.inf),
            algorithm.recollect_newer(told, personal, of_kin, known, None),
            algorithm.recollect_newer(lifted, personal, torch.zeros(1, 1), known, None),
        )
        parts.append(Lineup.of(asked.old, asked.question, new, asked.wanted))
    return Lineup.together(parts) if parts else None


def _recall(lineup: Lineup, place: Place) -> float:
    return float(lineup.marks(*place).new.nanmean().nan_to_num(0.0))


def _centred(slow: Slow, items: NDArray[np.bool_]) -> csr_array:
    vectors = slow["item_vectors"].numpy()[items]
    centred: csr_array = csr_array(vectors - vectors.mean(0))
    return centred


def _padded(rows: csr_array, items: NDArray[np.int64], total: int) -> tuple[Tensor, Tensor]:
    """[total, J] columns and values of `rows`, which are those of `items`; the others' are 0."""
    width = max(1, min(MOST_KNOWN, int(np.diff(rows.indptr).max(initial=0))))
    columns, values = np.zeros((total, width), np.int32), np.zeros((total, width), np.float32)
    for row, item in enumerate(items):
        stretch = slice(rows.indptr[row], rows.indptr[row + 1])
        found, sizes = rows.indices[stretch], rows.data[stretch]
        kept = np.argsort(-np.abs(sizes), kind="stable")[:width]
        columns[item, : len(kept)], values[item, : len(kept)] = found[kept], sizes[kept]
    return torch.from_numpy(columns), torch.from_numpy(values)
