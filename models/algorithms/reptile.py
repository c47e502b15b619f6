"""Reptile (Nichol et al. 2018, "On First-Order Meta-Learning Algorithms").

The initialisation of the scorer moves towards where a task carries it: first its support, then its
query, as one minibatch after the other. No gradient passes through the inner loop. Item vectors and
biases, which no task adapts, follow the query's gradient at the point adapted to the support.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Generator, Tensor

from models.algorithms.interface import Slow
from models.algorithms.scorer import ScorerRanking
from models.losses import query_loss
from models.shapes import MOST_SHOTS, Episode, Support


class Reptile(ScorerRanking):
    name: ClassVar[str] = "reptile"
    first_order: ClassVar[bool] = True

    def own_rates(self) -> Mapping[str, float]:
        return {"scorer": self.config.vector_rate}

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        """Half the squared distance to where the tasks lead: its gradient is Reptile's.

        Nichol et al. (section 2) hand theta - theta_k to Adam in the place of a gradient. The
        query's loss is added for what is not adapted; none of it reaches the scorer.
        """
        prior, power = self.prior(slow, episode.profile), self.config.size_power
        with torch.no_grad():
            near = self.adapt(slow, prior, episode.support)
            far = self.adapt(slow, near, _some_of_the_query(episode.query, generator))
        bodies = self.body(slow, slow["item_vectors"])
        scores = self.departure(slow, self.dropped(near, generator), bodies) + slow["item_biases"]
        shares = episode.query.sum(-1) ** power
        distance = ((prior - far).square().sum(-1) * shares).sum() / shares.sum().clamp_min(1)
        return 0.5 * distance + query_loss(scores, episode.support, episode.query, power)


def _some_of_the_query(query: Tensor, generator: Generator | None) -> Support:
    """Up to MOST_SHOTS items of each query [B, N], drawn by `generator`.

    They weigh 1 together: large queries are to carry no farther than small ones.
    """
    luck = (
        torch.ones_like(query)
        if generator is None
        else 1 + torch.rand(query.shape, generator=generator)
    )
    drawn = (query * luck).topk(min(MOST_SHOTS, query.shape[1]), dim=1)
    wanted = (drawn.values > 0).to(query)
    return Support(drawn.indices, wanted / wanted.sum(-1, keepdim=True).clamp_min(1))
