"""How well meta-weights rank for validation users, and the blends that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from models.algorithms.interface import Algorithm, Slow, Trainable
from models.algorithms.scoring import score_items
from models.data import Dataset, Order
from models.metrics import SHOTS, Trials, ndcg_at_10
from models.questions import ask_to_choose
from models.shapes import MOST_SHOTS, Features, Support

DOUBT = 1.0
"""Standard errors by which adapting must beat the prior to be used at all."""

Table: TypeAlias = Mapping[str, float]
"""One value for each of some tables by shots."""

_BATCH = 512


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
    def marks(
        self, algorithm: Algorithm, slow: Slow, shots: int, tables: Sequence[Table]
    ) -> NDArray[np.float64]:
        """[users, tables] NDCG@10 after so many shots, with each of `tables` in force."""
        rows = algorithm.item_rows(slow)
        able = self.trials.rows(shots)
        marks = np.empty((len(able), len(tables)))
        for start in range(0, len(able), _BATCH):
            batch = slice(start, start + _BATCH)
            support = _support(self.trials.support(able[batch], shots))
            profile = self.profiles.of(self.trials.users[able[batch]])
            fast = algorithm.adapt(slow, algorithm.prior(slow, profile), support)
            question = self.trials.question(able[batch])
            for column, table in enumerate(tables):
                chosen = _with(slow, table)
                scores = score_items(algorithm, chosen, rows, fast, support, profile)
                marks[batch, column] = ndcg_at_10(scores, question)
        return _by_user(self.trials.users[able], marks)

    def score(self, algorithm: Algorithm, slow: Slow) -> float:
        """Mean over the numbers of shots of mean NDCG@10, fully adapted; 0 where nobody sat."""
        columns = [self.marks(algorithm, slow, shots, ({"gate": 1.0},)) for shots in SHOTS[1:]]
        means = [float(column.mean()) for column in columns if len(column)]
        return float(np.mean(means)) if means else 0.0


@dataclass(frozen=True, slots=True)
class Blends:
    tables: Mapping[str, tuple[float, ...]]
    """Each [51] by shots; the gate is 0 for none."""
    metrics: Mapping[str, Mapping[str, float]]
    """By shots: users, and NDCG@10 of the gated answer, of adapting alone, of the prior."""


def fit_blends(algorithm: Trainable, slow: Slow, exam: Exam) -> Blends:
    """Fill the algorithm's tables by shots: first all others together, then the gate.

    The gate stays closed where it is in doubt that adapting helps. Validation users are few, so a
    number of shots is judged together with its neighbours.
    """
    values = dict(algorithm.blends())
    gates = values.pop("gate")
    grid = [dict(zip(values, row, strict=True)) for row in product(*values.values())]
    open_grid = [{**table, "gate": 1.0} for table in grid]
    marks = {shots: exam.marks(algorithm, slow, shots, open_grid) for shots in SHOTS}
    asked = [shots for shots in SHOTS if len(marks[shots])]
    means = np.array([marks[shots].mean(0) for shots in asked]).reshape(len(asked), len(grid))
    chosen = dict(zip(asked, _smoothed(means).argmax(1).tolist(), strict=True))
    picked: dict[int, Table] = {}
    metrics: dict[str, dict[str, float]] = {}
    for shots in asked:
        tables = [{**grid[chosen[shots]], "gate": gate} for gate in gates]
        gated = exam.marks(algorithm, slow, shots, tables)
        best = _choose(gated, gates.index(0.0)) if shots else gates.index(0.0)
        picked[shots] = tables[best]
        metrics[str(shots)] = {
            "users": float(len(gated)),
            "ndcg@10": float(gated[:, best].mean()),
            "ndcg@10_adapted": float(gated[:, gates.index(1.0)].mean()),
            "ndcg@10_prior": float(gated[:, gates.index(0.0)].mean()),
        }
    names = [*values, "gate"] if picked else ["gate"]
    return Blends({name: _interpolated(picked, name) for name in names}, metrics)


def _smoothed(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gains over each row's mean, half a row's own and a quarter from each of its neighbours."""
    gains = means - means.mean(1, keepdims=True)
    padded = np.concatenate([gains[:1], gains, gains[-1:]])
    smooth: NDArray[np.float64] = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return smooth


def _choose(marks: NDArray[np.float64], closed: int) -> int:
    """The best column of [users, gates], or the closed one unless it is beaten beyond doubt."""
    best = int(marks.mean(0).argmax())
    gain = marks[:, best] - marks[:, closed]
    doubt = DOUBT * gain.std() / np.sqrt(len(gain))
    return best if gain.mean() > doubt else closed


def _interpolated(picked: Mapping[int, Table], name: str) -> tuple[float, ...]:
    """[51] from the values at some shots, linear in their logarithm."""
    places = [np.log1p(shots) for shots in picked] or [0.0]
    values = [table[name] for table in picked.values()] or [0.0]
    steps = np.log1p(np.arange(MOST_SHOTS + 1))
    return tuple(float(value) for value in np.interp(steps, places, values))


def _by_user(users: NDArray[np.int64], marks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean mark of each user: shuffles of one history are no independent witnesses."""
    _, places, counts = np.unique(users, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), marks.shape[1]))
    np.add.at(sums, places, marks)
    means: NDArray[np.float64] = sums / counts[:, None]
    return means


def _support(items: NDArray[np.int64]) -> Support:
    if not items.shape[1]:
        items = np.zeros((len(items), 1), np.int64)
        return Support(torch.from_numpy(items), torch.zeros(items.shape))
    return Support(torch.from_numpy(items), torch.ones(items.shape))


def _with(slow: Slow, table: Table) -> Slow:
    """`slow` with tables that hold one value for any number of shots."""
    return {**slow, **{name: torch.full_like(slow[name], value) for name, value in table.items()}}
