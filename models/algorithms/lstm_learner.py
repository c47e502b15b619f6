"""The LSTM meta-learner (Ravi & Larochelle 2017, "Optimization as a Model for Few-Shot Learning").

The inner loop on the linear head is a learned rule: gates that all coordinates share see loss,
gradient and parameter, and say how much to keep and how far to step. The cell state is the head's
distance from the prior, so that the forget gate leads back to the prior and not to zero.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.ranking import DotRanking
from models.inner import Params
from models.losses import support_loss
from models.lstm_rule import LSTMRule, adapt_by_rule, initial_rule
from models.shapes import RankingTask, Support

STEEPNESS = 8.0
"""Of the loss at one shot: gates are below 1, the steps of a ranking head are not."""
PACE = 0.5
"""The loss grows with shots ** PACE: much evidence may move the head farther than little."""


class LSTMLearner(DotRanking):
    """Own slow weights: initial_head [d], forget [7] and learn [7] (gates), inner_steps [T]."""

    name: ClassVar[str] = "lstm-learner"
    own: ClassVar[frozenset[str]] = frozenset({"initial_head", "forget", "learn", "inner_steps"})
    portable: ClassVar[frozenset[str]] = frozenset({"forget", "learn"})

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:  # noqa: ARG002
        rule = initial_rule(learn=0.5)
        return {
            "initial_head": torch.zeros(width),
            "forget": rule.forget,
            "learn": rule.learn,
            "inner_steps": torch.ones(self.config.steps),
        }

    def own_rates(self) -> Mapping[str, float]:
        return dict.fromkeys(("initial_head", "forget", "learn"), self.config.inner_rate)

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["initial_head"]

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        steepness = STEEPNESS * support.shots.to(prior) ** PACE
        never_passed = prior.new_zeros(())

        def losses(params: Params, task: RankingTask) -> Tensor:
            return steepness * support_loss(prior + params["moved"], never_passed, task)

        task, rule = self.task(slow, support), LSTMRule(slow["forget"], slow["learn"])
        start = {"moved": torch.zeros_like(prior)}
        return prior + adapt_by_rule(losses, start, task, rule, len(slow["inner_steps"]))["moved"]
