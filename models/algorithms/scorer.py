"""What MAML, FOMAML and Reptile adapt: a two-layer scorer of item vectors, as one flat row.

score(e) = v . e + w . relu(W e + b), the ranking form of MeLU (Lee et al. 2019): item vectors are
shared, the layers that decide belong to each entity. The linear head v comes first in the row.
"""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, vmap

from models.algorithms.interface import Retrieval, Slow
from models.algorithms.ranking import Ranking
from models.inner import Params, adapt
from models.losses import sampled_loss
from models.shapes import RankingTask, Support

HIDDEN = 16
PACE = 0.5
"""Steps grow with shots ** PACE: much evidence may move the scorer farther than little."""

_SHARED = frozenset({"negatives", "corrections"})
"""The parts of a task that all entities have in common."""
_CELLS = 20_000_000
"""Hidden activations held at once."""


class Layers(NamedTuple):
    """The flat row of one entity, cut into its parts."""

    head: Tensor
    """[d]"""
    decision: Tensor
    """[h]"""
    hidden: Tensor
    """[h, d]"""
    bias: Tensor
    """[h]"""

    @classmethod
    def of(cls, row: Tensor, width: int) -> "Layers":
        units = (len(row) - width) // (width + 2)
        head, decision, hidden, bias = torch.split(row, [width, units, units * width, units])
        return cls(head, decision, hidden.view(units, width), bias)


def initial_row(width: int, seed: int) -> Tensor:
    """[F] a head of 0 and small random layers."""
    random = torch.Generator().manual_seed(seed)
    decision = 0.1 * torch.randn(HIDDEN, generator=random)
    hidden = torch.randn(HIDDEN * width, generator=random) / width**0.5
    return torch.cat([torch.zeros(width), decision, hidden, torch.zeros(HIDDEN)])


def rate(row: Tensor, vectors: Tensor) -> Tensor:
    """[M] departures of item vectors [M, d] by the scorer of one entity."""
    layers = Layers.of(row, vectors.shape[-1])
    return (
        vectors @ layers.head + (vectors @ layers.hidden.T + layers.bias).relu() @ layers.decision
    )


class ScorerRanking(Ranking):
    """Own slow weights: scorer [F] the initialisation, step_sizes [T], threshold []."""

    retrieval: ClassVar[Retrieval] = "rescore"
    own: ClassVar[frozenset[str]] = frozenset({"scorer", "step_sizes", "threshold"})
    first_order: ClassVar[bool]

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:
        return {
            "scorer": initial_row(width, seed),
            "step_sizes": torch.full((self.config.steps,), self.config.scorer_step_size),
            "threshold": torch.tensor(0.0),
        }

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["scorer"]

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        task, pace = self.task(slow, support), support.shots.to(prior) ** PACE
        sizes = slow["step_sizes"]

        def loss(params: Params, data: RankingTask) -> Tensor:
            row = params["scorer"]
            own, others = rate(row, data.vectors), rate(row, data.negatives)
            return sampled_loss(own, others, slow["threshold"], data)

        def adapt_one(row: Tensor, pace: Tensor, *data: Tensor) -> Tensor:
            steps = [{"scorer": size * pace} for size in sizes]
            moved = adapt(
                loss, {"scorer": row}, RankingTask(*data), steps, first_order=self.first_order
            )
            return moved["scorer"]

        each = [None if name in _SHARED else 0 for name in RankingTask._fields]
        adapted: Tensor = vmap(adapt_one, in_dims=(0, 0, *each))(prior, pace, *task)
        return adapted

    def departure(self, slow: Slow, fast: Tensor, bodies: Tensor) -> Tensor:  # noqa: ARG002
        size = max(1, _CELLS // (HIDDEN * bodies.shape[-2]))
        shared = bodies.dim() == 2
        parts = []
        for start in range(0, len(fast), size):
            rows = fast[start : start + size]
            if shared:
                parts.append(vmap(rate, in_dims=(0, None))(rows, bodies))
            else:
                parts.append(vmap(rate)(rows, bodies[start : start + size]))
        return torch.cat(parts) if parts else fast.new_zeros(0, bodies.shape[-2])
