"""Matching networks (Vinyals et al. 2016) as a ranker: attention over everything in the support.

departure(x) = v . e + s (a(likes) - a(dislikes)), a(y) = t log(exp(floor / t) + sum_i y_i
exp(cos(A e, e_i) / t)) - floor. The plain form, sum_i a_i y_i, is 1 for every item where all of the
support is liked. The fast weights are a linear head v, then the support's vectors and weights.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import normalize, pad

from models.algorithms.interface import Retrieval, Slow
from models.algorithms.ranking import Ranking
from models.metric_learning import evidence
from models.shapes import MOST_SHOTS, Support

INITIAL_TEMPERATURE, INITIAL_SCALE, INITIAL_FLOOR = 0.2, 4.0, 0.2

_CELLS = 20_000_000
"""Cosines held at once."""


class Matching(Ranking):
    """Own slow weights: linear_head [d], attention [d, d], log_temperature, floor, log_scale []."""

    name: ClassVar[str] = "matching"
    retrieval: ClassVar[Retrieval] = "multi_vector"
    own: ClassVar[frozenset[str]] = frozenset(
        {"linear_head", "attention", "log_temperature", "floor", "log_scale"}
    )
    portable: ClassVar[frozenset[str]] = frozenset({"log_temperature", "floor", "log_scale"})

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:  # noqa: ARG002
        return {
            "linear_head": torch.zeros(width),
            "attention": torch.eye(width),
            "log_temperature": torch.tensor(INITIAL_TEMPERATURE).log(),
            "floor": torch.tensor(INITIAL_FLOOR),
            "log_scale": torch.tensor(INITIAL_SCALE).log(),
        }

    def own_rates(self) -> Mapping[str, float]:
        learned = ("linear_head", "log_temperature", "floor", "log_scale")
        rates = dict.fromkeys(learned, self.config.inner_rate)
        return {"attention": self.config.vector_rate, **rates}

    def own_prior(self, slow: Slow) -> Tensor:
        head = slow["linear_head"]
        return pad(head, (0, MOST_SHOTS * (len(head) + 1)))

    def body(self, slow: Slow, vectors: Tensor) -> Tensor:
        looking = normalize(vectors @ slow["attention"].to(vectors).T, dim=-1, eps=1e-6)
        return torch.cat([vectors, looking], dim=-1)

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        width = len(slow["linear_head"])
        slots = min(MOST_SHOTS, support.items.shape[1])
        order = support.weights.abs().sort(dim=1, descending=True, stable=True)
        kept = order.indices[:, :slots]
        known = Support(support.items.gather(1, kept), support.weights.gather(1, kept))
        task = self.task(slow, known)
        used = (task.weights != 0).unsqueeze(-1)
        vectors = torch.where(used, task.vectors[..., :width], 0.0)
        seen = torch.cat([vectors, task.weights.unsqueeze(-1)], dim=-1)
        added = pad(seen, (0, 0, 0, MOST_SHOTS - slots)).flatten(1)
        return prior + pad(added, (width, 0))

    def departure(self, slow: Slow, fast: Tensor, bodies: Tensor) -> Tensor:
        size = max(1, _CELLS // (MOST_SHOTS * bodies.shape[-2]))
        parts = [
            self._departure(slow, fast[start : start + size], bodies, start)
            for start in range(0, len(fast), size)
        ]
        return torch.cat(parts) if parts else fast.new_zeros(0, bodies.shape[-2])

    def _departure(self, slow: Slow, fast: Tensor, bodies: Tensor, start: int) -> Tensor:
        """[b, M] of entities `start`, ... whose fast weights are `fast` [b, F]."""
        rows = bodies if bodies.dim() == 2 else bodies[start : start + len(fast)]
        width = rows.shape[-1] // 2
        head, seen = fast[:, :width], fast[:, width:].view(len(fast), MOST_SHOTS, width + 1)
        vectors, weights = seen[..., :-1], seen[..., -1:]
        temperature = slow["log_temperature"].to(fast).exp()
        floor, scale = slow["floor"].to(fast), slow["log_scale"].to(fast).exp()

        def attention(labels: Tensor) -> Tensor:
            said = evidence(rows[..., width:], vectors, labels, temperature, floor)
            return temperature * said.squeeze(-1) - floor

        linear = (rows[..., :width] @ head.unsqueeze(-1)).squeeze(-1)
        liked, disliked = weights.clamp_min(0), weights.clamp_max(0).neg()
        return linear + scale * (attention(liked) - attention(disliked))

    def dropped(self, fast: Tensor, generator: Generator | None) -> Tensor:  # noqa: ARG002
        """Fast weights are the support itself; nothing of it may be left out."""
        return fast
