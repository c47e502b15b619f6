"""Untrained meta-weights and random supports: adapting costs what it costs with trained ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from models.algorithms.memory import Rows
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.ranking import MEMORIES
from models.algorithms.served import Served
from models.config import RankerConfig
from models.shapes import Features, Support

DIMENSION = 64
JITTER = 0.1
"""Of a resampled item vector, in deviations of all of them."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Slow weights of Meta-SGD, kept as the engine keeps them: double but for the item matrix."""

    algorithm: MetaSGD
    slow: Mapping[str, Tensor]
    served: Served

    @classmethod
    def of(cls, slow: Mapping[str, Tensor]) -> "Scene":
        algorithm = MetaSGD()
        kept = {
            name: value.double()
            if value.is_floating_point() and name not in algorithm.per_item
            else value
            for name, value in slow.items()
        }
        return cls(algorithm, kept, Served.of(algorithm, kept))

    @classmethod
    def untrained(cls, items: int, *, negatives: int, steps: int, caution: float = 0.0) -> "Scene":
        """Plain gradient steps of one size, which any optimiser can do too.

        With `caution` the gate looks how well each event is foretold by the others.
        """
        config = RankerConfig(negatives=negatives, steps=steps)
        generator = torch.Generator().manual_seed(0)
        base = torch.randn(min(items, 10_000), DIMENSION, generator=generator) / DIMENSION**0.5
        slow = MetaSGD(config).assembled(
            _resampled(base, items, generator), _popularity(items), _nothing(items), seed=0
        )
        return cls.of(
            {
                **slow,
                "steps": torch.ones(steps, DIMENSION),
                "rho": torch.tensor(0.0),
                "pull": torch.full((DIMENSION,), -torch.inf),
                "caution": torch.full_like(slow["caution"], caution),
            }
        )

    def single(self) -> "Scene":
        """In single precision."""
        slow = {
            name: value.float() if value.is_floating_point() else value
            for name, value in self.slow.items()
        }
        return replace(self, slow=slow, served=Served.of(self.algorithm, slow))

    def adapt(self, support: Support) -> tuple[Tensor, Tensor]:
        """What a request pays for that must adapt: priors, fast weights and gates."""
        with torch.inference_mode():
            prior = self.algorithm.prior(self.slow, Features.none(len(support.items)))
            return self.served.personalise(prior, support)

    def supports(self, count: int, shots: int, seed: int = 0) -> Support:
        """Different items, the popular ones more often."""
        items = drawn_items(self.slow["popularity"], count, shots, seed)
        kind = self.slow["gate"].dtype
        return Support(torch.from_numpy(items), torch.ones(items.shape, dtype=kind))


def drawn_items(popularity: Tensor, count: int, shots: int, seed: int) -> NDArray[np.int64]:
    """[count, shots] item rows, no row twice in one support, by exp(popularity)."""
    random = np.random.default_rng(seed)
    until = popularity.double().exp().cumsum(0).numpy()
    drawn = until.searchsorted(random.random((count, 4 * shots + 20)) * until[-1])
    rows = [list(dict.fromkeys(row.tolist()))[:shots] for row in drawn.clip(max=len(until) - 1)]
    return np.array(rows, np.int64)


def as_matrix(items: NDArray[np.int64], catalogue: int) -> csr_matrix:
    """[B, N] ones for supports [B, K]."""
    count, shots = items.shape
    ends = np.arange(count + 1) * shots
    ones = np.ones(items.size, np.float32)
    return csr_matrix((ones, items.ravel(), ends), shape=(count, catalogue))


def _popularity(items: int) -> Tensor:
    """Falling with the logarithm of the rank, and as flat at the top as that of ml-1m."""
    ranks = torch.arange(items, dtype=torch.float64)
    return (-1.0 - 1.2 * torch.log1p(ranks / 50)).float()


def _resampled(base: Tensor, items: int, generator: torch.Generator) -> Tensor:
    """`items` rows: those of `base`, and beyond them jittered copies."""
    rows = base.repeat(-(-items // len(base)), 1)[:items]
    more = rows[len(base) :]
    more += JITTER * base.std() * torch.randn(more.shape, generator=generator)
    return rows


def _nothing(items: int) -> dict[str, Rows]:
    """Memories are no part of adapting."""
    sizes = {name: 0 if name == "profile" else items for name in MEMORIES}
    return {
        name: (torch.zeros(size, 1, dtype=torch.int32), torch.zeros(size, 1))
        for name, size in sizes.items()
    }
