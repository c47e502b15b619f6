"""Meta-SGD on the ranking head (Li et al. 2017, "Meta-SGD: Learning to Learn Quickly").

The fast weights are a linear head w on the item vectors, adapted with the analytic gradient.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.ranking import DotRanking
from models.inner import Rule, adapt_ranking_head
from models.shapes import Support


class MetaSGD(DotRanking):
    """Own slow weights (width d, T inner steps):

    initial_head [d], steps [T, d], rho [], pull [d], threshold [].
    """

    name: ClassVar[str] = "meta-sgd"
    own: ClassVar[frozenset[str]] = frozenset({"initial_head", "steps", "rho", "pull", "threshold"})
    portable: ClassVar[frozenset[str]] = own - {"initial_head"}

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:  # noqa: ARG002  (the one face)
        config = self.config
        return {
            "initial_head": torch.zeros(width),
            "steps": torch.full((config.steps, width), config.step_size),
            "rho": torch.tensor(0.5),
            "pull": torch.full((width,), -4.0),
            "threshold": torch.tensor(0.0),
        }

    def own_rates(self) -> Mapping[str, float]:
        return dict.fromkeys(("initial_head", "steps", "rho", "pull"), self.config.inner_rate)

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["initial_head"]

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        rule = Rule(prior, *(slow[name] for name in ("steps", "rho", "pull", "threshold")))
        return adapt_ranking_head(
            self.task(slow, support), rule, first_order=self.config.first_order
        )
