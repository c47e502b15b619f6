"""Reptile (Nichol et al. 2018, "On First-Order Meta-Learning Algorithms").

The initialisation of the scorer moves towards what many steps on all of a task make of it; no
gradient passes through the inner loop. Item vectors and biases stay as they begin: Reptile has no
loss that could move what is not adapted.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Generator, Tensor

from models.algorithms.interface import Slow
from models.algorithms.scorer import ScorerRanking
from models.shapes import MOST_SHOTS, Episode, Support


class Reptile(ScorerRanking):
    name: ClassVar[str] = "reptile"
    first_order: ClassVar[bool] = True

    def own_rates(self) -> Mapping[str, float]:
        return {"scorer": self.config.inner_rate}

    def rates(self) -> Mapping[str, float]:
        return self.own_rates()

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        """Half the squared distance to the adapted points, held fixed: its gradient is Reptile's.

        Nichol et al. (section 2) hand theta - theta_k to Adam in the place of a gradient.
        """
        prior = self.prior(slow, episode.profile)
        with torch.no_grad():
            adapted = self.adapt(slow, prior, _everything(episode, generator))
        return 0.5 * (prior - adapted).square().sum(-1).mean()


def _everything(episode: Episode, generator: Generator | None) -> Support:
    """Up to MOST_SHOTS items of support and query together, drawn by `generator`."""
    asked = episode.query.clone()
    used = (episode.support.weights > 0).to(asked)
    asked.scatter_reduce_(1, episode.support.items, used, "amax")
    luck = torch.rand(asked.shape, generator=generator) if generator else torch.ones_like(asked)
    drawn = (asked * (1 + luck)).topk(min(MOST_SHOTS, asked.shape[1]), dim=1)
    return Support(drawn.indices, (drawn.values > 0).to(asked))
