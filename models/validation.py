"""How well meta-weights rank for validation users, and the no-harm gate that follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.algorithms.interface import Algorithm, Slow
from models.data import Dataset, Order, histories
from models.metrics import SHOTS, Trials, ndcg_at_10
from models.shapes import Support

GATES = np.linspace(0, 1, 11)
"""The values tried for the gate."""
DOUBT = 1.0
"""Standard errors by which adapting must beat the prior to be used at all."""

_BATCH = 512
_ENOUGH = 400


@dataclass(frozen=True, slots=True)
class Exam:
    """The same users, asked after several shuffles of their histories where users are few."""

    trials: Sequence[Trials]

    @classmethod
    def of(cls, dataset: Dataset, users: NDArray[np.int64], order: Order, seed: int) -> "Exam":
        draws = 1 if order == "time" else -(-_ENOUGH // max(1, len(users)))
        shuffles = (histories(dataset, order, seed + draw) for draw in range(min(draws, 16)))
        items = len(dataset.item_ids)
        return cls([Trials.of(users, one.indptr, one.items, items) for one in shuffles])

    @torch.no_grad()
    def marks(
        self, algorithm: Algorithm, slow: Slow, shots: int, gates: Sequence[float]
    ) -> NDArray[np.float64]:
        """[users, gates] NDCG@10 after so many shots, under each value of the gate."""
        rows = algorithm.item_rows(slow)
        users: list[NDArray[np.int64]] = []
        marks: list[NDArray[np.float64]] = []
        for trials in self.trials:
            able = trials.rows(shots)
            for chosen in np.split(able, range(_BATCH, len(able), _BATCH)):
                if not len(chosen):
                    continue
                support = _support(trials.support(chosen, shots))
                fast, question = algorithm.adapt(slow, support), trials.question(chosen)
                queries = (
                    algorithm.query({**slow, "gate": _flat(slow, gate)}, fast, support.shots)
                    for gate in gates
                )
                users.append(trials.users[chosen])
                marks.append(
                    np.stack([ndcg_at_10(query @ rows.T, question) for query in queries], axis=1)
                )
        return _by_user(users, marks, len(gates))

    def score(self, algorithm: Algorithm, slow: Slow) -> float:
        """Mean over the numbers of shots of mean NDCG@10, fully adapted; 0 where nobody sat."""
        columns = [self.marks(algorithm, slow, shots, (1.0,)) for shots in SHOTS[1:]]
        means = [float(column.mean()) for column in columns if len(column)]
        return float(np.mean(means)) if means else 0.0


@dataclass(frozen=True, slots=True)
class Gate:
    values: tuple[float, ...]
    """[51] by shots; 0 for none."""
    metrics: Mapping[str, Mapping[str, float]]
    """By shots: users, and NDCG@10 of the gated answer, of adapting alone, of the prior."""


def fit_gate(algorithm: Algorithm, slow: Slow, exam: Exam) -> Gate:
    """Choose per number of shots how far to depart from the prior; not at all if in doubt."""
    table = {shots: exam.marks(algorithm, slow, shots, tuple(GATES)) for shots in SHOTS}
    table = {shots: marks for shots, marks in table.items() if len(marks)}
    chosen = {shots: _choose(marks) if shots else 0 for shots, marks in table.items()}
    metrics = {
        str(shots): {
            "users": float(len(marks)),
            "ndcg@10": float(marks[:, chosen[shots]].mean()),
            "ndcg@10_adapted": float(marks[:, -1].mean()),
            "ndcg@10_prior": float(marks[:, 0].mean()),
        }
        for shots, marks in table.items()
    }
    places = [np.log1p(shots) for shots in table] or [0.0]
    values = [GATES[chosen[shots]] for shots in table] or [0.0]
    gate = np.interp(np.log1p(np.arange(len(slow["gate"]))), places, values)
    return Gate(tuple(float(value) for value in gate), metrics)


def _choose(marks: NDArray[np.float64]) -> int:
    """The best column of [users, gates], or 0 unless it beats column 0 beyond doubt."""
    best = int(marks.mean(0).argmax())
    gain = marks[:, best] - marks[:, 0]
    doubt = DOUBT * gain.std() / np.sqrt(len(gain))
    return best if gain.mean() > doubt else 0


def _by_user(
    users: list[NDArray[np.int64]], marks: list[NDArray[np.float64]], width: int
) -> NDArray[np.float64]:
    """The mean mark of each user: shuffles of one history are no independent witnesses."""
    if not users:
        return np.empty((0, width))
    _, places, counts = np.unique(np.concatenate(users), return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), width))
    np.add.at(sums, places, np.concatenate(marks))
    return sums / counts[:, None]


def _support(items: NDArray[np.int64]) -> Support:
    if not items.shape[1]:
        items = np.zeros((len(items), 1), np.int64)
        return Support(torch.from_numpy(items), torch.zeros(items.shape))
    return Support(torch.from_numpy(items), torch.ones(items.shape))


def _flat(slow: Slow, gate: float) -> Tensor:
    return torch.full_like(slow["gate"], gate)
