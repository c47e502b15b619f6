"""What is known of entities foretells what they do: ridge regression on sparse features."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array
from torch import Tensor

from models.shapes import Features

PENALTIES = (3.0, 1.0, 10.0)
"""To try, the first one with every way to weigh."""
POWERS, RARITIES = (1.0, 0.0), (0.0, 0.5, 1.0)
"""To try: powers of how much of a feature there is, and of log(entities / those that have it)."""
HIDDEN = 250
"""Entities, at most, on which the choice rests."""
MOST_ENTITIES = 50_000
"""More teach nothing new; so many are drawn."""
ITERATIONS = 15
"""Of conjugate gradients: some 2% of the solution are still to come."""
DENSE_FEATURES = 1_000
"""Up to so many the equations are solved exactly."""
_COLUMNS = 600
"""Solved at once."""

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """How features count: value ** power * scale, the whole row brought to length 1."""

    power: float
    rarity: float
    scale: Floats
    """[V] log(entities / those that have the feature) ** rarity"""

    @classmethod
    def of(cls, features: csr_array, power: float, rarity: float) -> "Weighing":
        """As in tf-idf, by the entities of `features` [E, V]."""
        entities, size = features.shape
        seen = np.bincount(features.indices, minlength=size).clip(1)
        scale = np.log(max(2, entities) / seen).clip(0) ** rarity
        return cls(power, rarity, scale.astype(np.float32))

    def rows(self, features: csr_array) -> csr_array:
        """[E, V] of features [E, V]."""
        sized = features.astype(np.float32)
        sized.data = np.sign(sized.data) * np.abs(sized.data) ** np.float32(self.power)
        return unit_rows(csr_array(sized @ diags_array(self.scale)))


def unit_rows(matrix: csr_array) -> csr_array:
    """Every row of [E, V] brought to length 1; empty ones stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    shrinking = diags_array((1 / np.where(lengths > 0, lengths, 1)).astype(np.float32))
    rows: csr_array = csr_array(shrinking @ matrix.astype(np.float32))
    return rows


def weighed(features: Features, scale: Tensor, power: Tensor) -> Features:
    """What `Weighing.rows` makes of these features, where they are asked for."""
    values = features.values.to(scale)
    sized = values.sign() * values.abs() ** power * scale[features.columns]
    lengths = torch.linalg.vector_norm(sized, dim=-1, keepdim=True)
    return Features(features.columns, sized / torch.where(lengths > 0, lengths, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """A regression of targets on features; how features count and its penalty were chosen."""

    weighing: Weighing
    penalty: float
    rows: csr_array
    """[E, V] weighed features."""
    targets: csr_array
    """[E, D] what they are to foretell."""
    error: float
    """Squared, of what was foretold of hidden entities, as a share of foretelling nothing."""

    @classmethod
    def chosen(cls, features: csr_array, targets: csr_array, seed: int) -> "Likeness":
        """What best foretells the targets [E, D] of some entities from those of the others."""
        random = np.random.default_rng(seed)
        if features.shape[0] > MOST_ENTITIES:
            drawn = np.sort(random.choice(features.shape[0], MOST_ENTITIES, replace=False))
            features, targets = features[drawn], targets[drawn]
        entities = features.shape[0]
        hidden = np.zeros(entities, bool)
        hidden[random.permutation(entities)[: min(HIDDEN, entities // 4)]] = True
        ways = {way: Weighing.of(features[~hidden], *way) for way in product(POWERS, RARITIES)}
        errors = {
            way: _error(weighing, PENALTIES[0], features, targets, hidden)
            for way, weighing in ways.items()
        }
        best = min(errors, key=lambda way: errors[way])
        tried = {PENALTIES[0]: errors[best]}
        for penalty in PENALTIES[1:]:
            tried[penalty] = _error(ways[best], penalty, features, targets, hidden)
        penalty = min(tried, key=lambda one: tried[one])
        everyone = Weighing.of(features, *best)
        return cls(everyone, penalty, everyone.rows(features), targets, tried[penalty])

    def regress(self) -> Iterator[Floats]:
        """The map [V, D] from weighed features to targets, some columns at a time."""
        ridge, right = Ridge(self.rows, self.penalty), csr_array(self.rows.T @ self.targets).tocsc()
        for start in range(0, right.shape[1], _COLUMNS):
            yield ridge.solve(right[:, start : start + _COLUMNS].toarray().astype(np.float32))


class Ridge:
    """F'F + penalty I for rows F [E, V], to solve equations with."""

    def __init__(self, rows: csr_array, penalty: float) -> None:
        self._rows, self._penalty = rows, np.float32(penalty)

    def solve(self, right: Floats) -> Floats:
        """[V, C] of right sides [V, C]; about, where there are many features."""
        if len(right) <= DENSE_FEATURES:
            exact: Floats = cho_solve(self._factor, right) if right.size else right
            return exact
        return self._by_conjugate_gradients(right)

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        gram = (self._rows.T @ self._rows).toarray()
        factor: tuple[Floats, bool] = cho_factor(
            gram + self._penalty * np.eye(len(gram), dtype="f4")
        )
        return factor

    def _by_conjugate_gradients(self, right: Floats) -> Floats:
        """On all columns at once, preconditioned by the diagonal."""
        rows, across = self._rows, self._rows.T.tocsr()
        squares = np.bincount(rows.indices, rows.data**2, minlength=rows.shape[1])
        inverse = (1 / (squares + self._penalty)).astype(np.float32)[:, None]
        solution, rest = np.zeros_like(right), right.copy()
        ready = rest * inverse
        way, size = ready.copy(), (rest * ready).sum(0)
        for _ in range(ITERATIONS):
            ahead = across @ (rows @ way) + self._penalty * way
            length = size / np.maximum((way * ahead).sum(0), np.float32(1e-30))
            solution += length * way
            rest -= length * ahead
            ready = rest * inverse
            before, size = size, (rest * ready).sum(0)
            way = ready + size / np.maximum(before, np.float32(1e-30)) * way
        return solution


def _error(
    weighing: Weighing,
    penalty: float,
    features: csr_array,
    targets: csr_array,
    hidden: NDArray[np.bool_],
) -> float:
    """Of foretelling hidden targets from the others, as a share of foretelling nothing."""
    rows = weighing.rows(features)
    others, asked = rows[~hidden], rows[hidden]
    counted = others @ Ridge(others, penalty).solve(asked.toarray().T.astype(np.float32))
    foretold = (targets[~hidden].T @ counted).T
    true = targets[hidden].toarray()
    total = float((true**2).sum())
    return float(((foretold - true) ** 2).sum()) / total if total > 0 else 1.0
