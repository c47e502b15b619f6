"""How well meta-weights rank for validation users, and the tables by shots that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student
from torch import Tensor

from models.algorithms.interface import Slow, Trainable
from models.algorithms.leave_one_out import cautious
from models.contest import Contest, Weights, best_weights
from models.data import Dataset, Order
from models.metrics import SHOTS, Trials, ndcg_at_10
from models.questions import ask_to_choose
from models.shapes import MOST_SHOTS, Features, Personal, Support

DOUBT = 1.0
"""Standard errors by which adapting must beat popularity to be used at all; of few users more."""
GATES = tuple(step / 10 for step in range(11))
CAUTIONS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Parts of the gate to take away for each nat that evidence falls short."""
CAUTIOUS_FROM = 5
"""Shots below which a support is too small to tell anything about itself."""

_CELLS = 20_000_000
"""Questions x items looked at at once: some hundred megabytes."""
_MOST_QUESTIONS = 1000


@dataclass(frozen=True, slots=True)
class Exam:
    """The same users, asked after several shuffles of their histories where users are few."""

    trials: Trials
    profiles: Features
    """Of all users of the data."""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        users: NDArray[np.int64],
        profiles: Features,
        order: Order,
        seed: int,
    ) -> "Exam":
        return cls(ask_to_choose(dataset, users, order, seed), profiles)

    @torch.no_grad()
    def contest(self, algorithm: Trainable, slow: Slow, shots: int) -> Contest | None:
        """What the algorithm says to everybody with so many shots; None if there is nobody."""
        rows, parts = algorithm.item_rows(slow), []
        for able in self._batches(shots):
            support, profile = self._given(able, shots)
            prior = algorithm.prior(slow, profile)
            fast = algorithm.adapt(slow, prior, support)
            personal = Personal(prior, fast, torch.ones(len(able)), support.shots)
            said = algorithm.parts(slow, personal, support, profile, rows)
            users = self.trials.users[able]
            parts.append(Contest.of(users, said, self.trials.question(able)))
        return Contest.together(parts) if parts else None

    @torch.no_grad()
    def evidence(self, algorithm: Trainable, slow: Slow, shots: int) -> Tensor:
        """[n] how well each support foretells itself, in the order of `contest`."""
        told = []
        for able in self._batches(shots):
            support, profile = self._given(able, shots)
            told.append(algorithm.evidence(slow, algorithm.prior(slow, profile), support))
        return torch.cat(told)

    @torch.no_grad()
    def score(self, algorithm: Trainable, slow: Slow) -> float:
        """Mean over the numbers of shots of mean NDCG@10 without memories; 0 if nobody is asked."""
        rows, means = algorithm.item_rows(slow), []
        for shots in SHOTS[1:]:
            marks = []
            for able in self._batches(shots):
                support, profile = self._given(able, shots)
                fast = algorithm.adapt(slow, algorithm.prior(slow, profile), support)
                scores = algorithm.departure(slow, fast, rows[:, :-2]) + slow["item_biases"]
                marks.append(ndcg_at_10(scores, self.trials.question(able)))
            if marks:
                means.append(float(torch.cat(marks).mean()))
        return float(np.mean(means)) if means else 0.0

    def _given(self, able: NDArray[np.int64], shots: int) -> tuple[Support, Features]:
        items = self.trials.support(able, shots)
        slots = torch.zeros(len(able), max(1, shots), dtype=torch.int64)
        slots[:, :shots] = torch.from_numpy(items)
        used = torch.full(slots.shape, 1.0 if shots else 0.0)
        return Support(slots, used), self.profiles.of(self.trials.users[able])

    def _batches(self, shots: int) -> list[NDArray[np.int64]]:
        able = self.trials.rows(shots)[:_MOST_QUESTIONS]
        size = max(1, _CELLS // self.trials.items)
        return [able[start : start + size] for start in range(0, len(able), size)]


@dataclass(frozen=True, slots=True)
class Blends:
    tables: Mapping[str, tuple[float, ...]]
    """Each [51] by shots; the gate is 0 for none."""
    metrics: Mapping[str, Mapping[str, float]]
    """By shots: users, and NDCG@10 of the gated answer, of adapting alone, of popularity."""


def fit_blends(algorithm: Trainable, slow: Slow, exam: Exam) -> Blends:
    """Fill the algorithm's tables by shots: the weights of its parts, then the gate, then caution.

    The gate stays closed where it is in doubt that adapting helps. Validation users are few, so a
    number of shots is judged together with its neighbours.
    """
    found = {shots: exam.contest(algorithm, slow, shots) for shots in SHOTS}
    contests = {shots: contest for shots, contest in found.items() if contest is not None}
    with_profiles = exam.profiles.columns.shape[1] > 0
    chosen = choose(contests, algorithm.blended(), with_profiles=with_profiles)
    weights, gates = chosen.weights, chosen.gates
    evidence = {
        shots: exam.evidence(algorithm, slow, shots) for shots in contests if shots >= CAUTIOUS_FROM
    }
    caution = _caution({k: (contests[k], weights[k], gates[k], evidence[k]) for k in evidence})
    metrics = {
        str(shots): {
            "users": float(len(marks)),
            "ndcg@10": float(marks[:, GATES.index(gates[shots])].mean()),
            "ndcg@10_adapted": float(marks[:, -1].mean()),
            "ndcg@10_prior": float(marks[:, 0].mean()),
        }
        for shots, marks in chosen.marks.items()
    }
    by_shots = (caution if shots >= CAUTIOUS_FROM else 0.0 for shots in range(MOST_SHOTS + 1))
    return Blends({**chosen.tables(), "caution": tuple(by_shots)}, metrics)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What ranked best in the contests at some numbers of shots."""

    weights: Mapping[int, Weights]
    gates: Mapping[int, float]
    marks: Mapping[int, NDArray[np.float64]]
    """[users, gates] NDCG@10 with these weights."""

    def tables(self) -> dict[str, tuple[float, ...]]:
        """By name: [51]; none but the gate where nobody was asked."""
        names = next(iter(self.weights.values()), {})
        weights = {
            name: interpolated({shots: row[name] for shots, row in self.weights.items()})
            for name in names
        }
        return {"gate": interpolated(self.gates), **weights}


def choose(contests: Mapping[int, Contest], names: Sequence[str], *, with_profiles: bool) -> Chosen:
    """The best weights of the tables `names` by shots, then the best gates."""
    weights = _weights_by_shots(contests, names)
    marks = {
        shots: np.stack([contest.marks(weights[shots], gate) for gate in GATES], axis=1)
        for shots, contest in contests.items()
    }
    return Chosen(weights, _gates(marks, with_profiles=with_profiles), marks)


def _gates(marks: Mapping[int, NDArray[np.float64]], *, with_profiles: bool) -> dict[int, float]:
    """By shots, from marks [users, gates]: the best beyond doubt, or closed.

    Without profiles nothing is known at 0 shots, and popularity is all there is to say.
    """
    shots, chosen = list(marks), dict[int, float]()
    gains = [marks[k].mean(0) - marks[k].mean() for k in shots]
    for place, k in enumerate(shots):
        near = [other for other in (place - 1, place + 1) if 0 <= other < len(shots)]
        together = 2 * gains[place] + sum(gains[other] for other in near if k and shots[other])
        best = int(np.argmax(together))
        known = k > 0 or with_profiles
        chosen[k] = GATES[best] if known and _beyond_doubt(marks[k], best) else 0.0
    return chosen


def _beyond_doubt(marks: NDArray[np.float64], column: int) -> bool:
    """Whether a column of [users, gates] beats the closed gate by more than chance may do."""
    gain = marks[:, column] - marks[:, 0]
    if len(gain) < 2:
        return False
    sure = student.ppf(normal.cdf(DOUBT), len(gain) - 1)
    return bool(gain.mean() > sure * gain.std(ddof=1) / np.sqrt(len(gain)))


def _caution(asked: Mapping[int, tuple[Contest, Weights, float, Tensor]]) -> float:
    """How much a shortfall of evidence should close the gate: 0 unless that helps beyond doubt."""
    marks = [
        np.stack(
            [contest.marks(weights, gate * cautious(each, evidence)) for each in CAUTIONS], axis=1
        )
        for contest, weights, gate, evidence in asked.values()
    ]
    if not marks:
        return 0.0
    together = np.concatenate(marks)
    best = int(together.mean(0).argmax())
    return CAUTIONS[best] if _beyond_doubt(together, best) else 0.0


def _weights_by_shots(contests: Mapping[int, Contest], names: Sequence[str]) -> dict[int, Weights]:
    """The best weights at each number of shots, each search from where the one before ended."""
    chosen: dict[int, Weights] = {}
    shots = list(contests)
    last: Weights = {name: float(name in {"prior_weight", "reach"}) for name in names}
    for place, k in enumerate(shots):
        near = [
            other for other in shots[max(0, place - 1) : place + 2] if other != k and other and k
        ]
        asked = [contests[k], *(contests[other] for other in near)]
        last = best_weights(asked, [2.0] + [1.0] * len(near), last)
        chosen[k] = last
    return chosen


def interpolated(picked: Mapping[int, float]) -> tuple[float, ...]:
    """[51] from the values at some shots, linear in their logarithm."""
    places = [np.log1p(shots) for shots in picked] or [0.0]
    values = list(picked.values()) or [0.0]
    steps = np.log1p(np.arange(MOST_SHOTS + 1))
    return tuple(float(value) for value in np.interp(steps, places, values))
