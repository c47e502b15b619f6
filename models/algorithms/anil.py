"""ANIL (Raghu et al. 2020, "Rapid Learning or Feature Reuse?"): the inner loop moves the head only.

The body of MAML's scorer is shared by all; its decision layers adapt, with one fixed step size.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.ranking import DotRanking
from models.algorithms.scorer import PACE, Layers, initial_row
from models.inner import Rule, adapt_ranking_head
from models.shapes import Support


class ANIL(DotRanking):
    """Own slow weights (h hidden units):

    initial_head [d + h], hidden [h, d], hidden_bias [h], step_sizes [T], threshold [].
    """

    name: ClassVar[str] = "anil"
    own: ClassVar[frozenset[str]] = frozenset(
        {"initial_head", "hidden", "hidden_bias", "step_sizes", "threshold"}
    )

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:
        layers = Layers.of(initial_row(width, seed), width)
        return {
            "initial_head": torch.cat([layers.head, layers.decision]),
            "hidden": layers.hidden.clone(),
            "hidden_bias": layers.bias.clone(),
            "step_sizes": torch.full((self.config.steps,), self.config.scorer_step_size),
            "threshold": torch.tensor(0.0),
        }

    def own_rates(self) -> Mapping[str, float]:
        return dict.fromkeys(("initial_head", "hidden", "hidden_bias"), self.config.inner_rate)

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["initial_head"]

    def body(self, slow: Slow, vectors: Tensor) -> Tensor:
        hidden, bias = slow["hidden"].to(vectors), slow["hidden_bias"].to(vectors)
        return torch.cat([vectors, (vectors @ hidden.T + bias).relu()], dim=-1)

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        sizes = slow["step_sizes"]
        rule = Rule(
            prior,
            steps=sizes.unsqueeze(1).expand(-1, prior.shape[1]),
            rho=torch.full_like(sizes[0], PACE),
            pull=torch.full_like(prior[0], -torch.inf),
            threshold=slow["threshold"],
        )
        return adapt_ranking_head(self.task(slow, support), rule)
