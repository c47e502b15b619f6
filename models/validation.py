"""How well meta-weights rank for validation users, and the tables by shots that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.algorithms.interface import Slow, Trainable
from models.contest import Contest, Weights, best_weights
from models.data import Dataset, Order
from models.metrics import SHOTS, Trials, ndcg_at_10
from models.questions import ask_to_choose
from models.shapes import MOST_SHOTS, Features, Support

DOUBT = 1.0
"""Standard errors by which adapting must beat popularity to be used at all."""
GATES = tuple(step / 10 for step in range(11))

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
            fast = algorithm.adapt(slow, algorithm.prior(slow, profile), support)
            said = algorithm.parts(slow, fast, support, profile, rows)
            users = self.trials.users[able]
            parts.append(Contest.of(users, said, self.trials.question(able)))
        return Contest.together(parts) if parts else None

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
    """Fill the algorithm's tables by shots: first the weights of its parts, then the gate.

    The gate stays closed where it is in doubt that adapting helps. Validation users are few, so a
    number of shots is judged together with its neighbours.
    """
    found = {shots: exam.contest(algorithm, slow, shots) for shots in SHOTS}
    contests = {shots: contest for shots, contest in found.items() if contest is not None}
    weights = _weights_by_shots(contests, algorithm.blended())
    gates: dict[int, float] = {}
    metrics: dict[str, dict[str, float]] = {}
    for shots, contest in contests.items():
        gated = np.stack([contest.marks(weights[shots], gate) for gate in GATES], axis=1)
        best = _choose(gated) if shots or exam.profiles.columns.shape[1] else 0
        gates[shots] = GATES[best]
        metrics[str(shots)] = {
            "users": float(len(gated)),
            "ndcg@10": float(gated[:, best].mean()),
            "ndcg@10_adapted": float(gated[:, -1].mean()),
            "ndcg@10_prior": float(gated[:, 0].mean()),
        }
    tables = {"gate": _interpolated(gates)}
    for name in algorithm.blended() if weights else ():
        tables[name] = _interpolated({shots: row[name] for shots, row in weights.items()})
    return Blends(tables, metrics)


def _weights_by_shots(contests: Mapping[int, Contest], names: Sequence[str]) -> dict[int, Weights]:
    """The best weights at each number of shots, each search from where the one before ended."""
    chosen: dict[int, Weights] = {}
    shots = list(contests)
    last: Weights = {name: float(name == "reach") for name in names}
    for place, k in enumerate(shots):
        near = [
            other for other in shots[max(0, place - 1) : place + 2] if other != k and other and k
        ]
        asked = [contests[k], *(contests[other] for other in near)]
        last = best_weights(asked, [2.0] + [1.0] * len(near), last)
        chosen[k] = last
    return chosen


def _choose(marks: NDArray[np.float64]) -> int:
    """The best column of [users, gates], or the closed one unless it is beaten beyond doubt."""
    best = int(marks.mean(0).argmax())
    gain = marks[:, best] - marks[:, 0]
    doubt = DOUBT * gain.std() / np.sqrt(len(gain))
    return best if gain.mean() > doubt else 0


def _interpolated(picked: Mapping[int, float]) -> tuple[float, ...]:
    """[51] from the values at some shots, linear in their logarithm."""
    places = [np.log1p(shots) for shots in picked] or [0.0]
    values = list(picked.values()) or [0.0]
    steps = np.log1p(np.arange(MOST_SHOTS + 1))
    return tuple(float(value) for value in np.interp(steps, places, values))
