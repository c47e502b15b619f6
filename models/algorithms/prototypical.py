"""Prototypical networks (Snell et al. 2017) as a ranker: how close an item is to a mean of likes.

departure(x) = s (||c||^2 - ||f(x) - c||^2) with f(x) = W e, and c the mean of the embedded support,
shrunk to a learned prior that counts as so many further shots. The fast weights are c.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.ranking import DotRanking
from models.metric_learning import prototypes
from models.shapes import Support

INITIAL_SCALE = 8.0
INITIAL_PRIOR_SHOTS = 2.0


class Prototypical(DotRanking):
    """Own slow weights: embedding [d, d], centre [d], log_scale [], log_prior_shots []."""

    name: ClassVar[str] = "prototypical"
    own: ClassVar[frozenset[str]] = frozenset(
        {"embedding", "centre", "log_scale", "log_prior_shots"}
    )
    portable: ClassVar[frozenset[str]] = frozenset({"log_scale", "log_prior_shots"})

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:  # noqa: ARG002
        return {
            "embedding": torch.eye(width),
            "centre": torch.zeros(width),
            "log_scale": torch.tensor(INITIAL_SCALE).log(),
            "log_prior_shots": torch.tensor(INITIAL_PRIOR_SHOTS).log(),
        }

    def own_rates(self) -> Mapping[str, float]:
        rates = dict.fromkeys(("centre", "log_scale", "log_prior_shots"), self.config.inner_rate)
        return {"embedding": self.config.vector_rate, **rates}

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["centre"]

    def body(self, slow: Slow, vectors: Tensor) -> Tensor:
        embedded = vectors @ slow["embedding"].to(vectors).T
        return torch.cat([embedded, embedded.square().sum(-1, keepdim=True)], dim=-1)

    def head(self, slow: Slow, fast: Tensor) -> Tensor:
        scale = slow["log_scale"].to(fast).exp()
        return scale * torch.cat([2 * fast, fast.new_full((len(fast), 1), -1.0)], dim=1)

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        task = self.task(slow, support)
        labels, start = task.weights.unsqueeze(-1), prior.unsqueeze(1)
        shots = slow["log_prior_shots"].exp()
        return prototypes(task.vectors[..., :-1], labels, start, shots).squeeze(1)
