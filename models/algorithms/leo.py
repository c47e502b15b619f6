"""LEO (Rusu et al. 2019, "Meta-Learning with Latent Embedding Optimization") on the ranking head.

The support is encoded as a latent of few numbers, the inner loop moves the latent down the
support's loss of the head it decodes to, and some last steps move the head itself.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Generator, Tensor

from models.algorithms.interface import Slow
from models.algorithms.ranking import DotRanking
from models.latent import Adapted, LatentSpace, Noise, adapt_latents, encode, outer_penalty
from models.losses import query_loss, support_loss
from models.shapes import Episode, RankingTask, Support

LATENTS, CODES, RELATIONS = 16, 32, 32
PACE = 0.5
"""The loss grows with shots ** PACE: much evidence may move the head farther than little."""
DIVERGENCE, TRAVEL, ORTHOGONALITY = 1e-4, 1e-4, 1e-2
"""Weights of the paper's three penalties."""


class LEO(DotRanking):
    """Own slow weights: initial_head [d] and the parts of `models.latent.LatentSpace`."""

    name: ClassVar[str] = "leo"
    own: ClassVar[frozenset[str]] = frozenset({"initial_head", *LatentSpace._fields})

    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(seed)

        def drawn(rows: int, columns: int) -> Tensor:
            numbers: Tensor = torch.randn(rows, columns, generator=random) / columns**0.5
            return numbers

        space = LatentSpace(
            encoder=drawn(CODES, width),
            first_relation=drawn(RELATIONS, 2 * CODES),
            last_relation=0.1 * drawn(2 * LATENTS, RELATIONS),
            decoder=drawn(LATENTS, 2 * width),
            deviation=torch.tensor(-3.0),
            steps=torch.ones(self.config.steps),
            fine_steps=torch.full((1,), self.config.step_size),
        )
        return {"initial_head": torch.zeros(width), **space._asdict()}

    def own_rates(self) -> Mapping[str, float]:
        rates = dict.fromkeys(LatentSpace._fields, self.config.vector_rate)
        return {**rates, "initial_head": self.config.inner_rate}

    def own_prior(self, slow: Slow) -> Tensor:
        return slow["initial_head"]

    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        return prior + self._adapted(slow, prior, support, None).weights.squeeze(1)

    def _adapted(self, slow: Slow, prior: Tensor, support: Support, noise: Noise | None) -> Adapted:
        pace, never_passed = support.shots.to(prior) ** PACE, prior.new_zeros(())

        def losses(weights: Tensor, task: RankingTask) -> Tensor:
            return pace * support_loss(prior + weights.squeeze(1), never_passed, task)

        task = self.task(slow, support)
        space = _space(slow)
        first = encode(space, task.vectors, task.weights.clamp_min(0).unsqueeze(-1))
        return adapt_latents(space, losses, first, task, noise)

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        prior = self.prior(slow, episode.profile)
        noise = None if generator is None else _noise(prior, slow["decoder"], generator)
        adapted = self._adapted(slow, prior, episode.support, noise)
        fast = self.dropped(prior + adapted.weights.squeeze(1), generator)
        scores = self.departure(slow, fast, slow["item_vectors"]) + slow["item_biases"]
        loss = query_loss(scores, episode.support, episode.query, self.config.size_power)
        return loss + outer_penalty(_space(slow), adapted, DIVERGENCE, TRAVEL, ORTHOGONALITY)


def _space(slow: Slow) -> LatentSpace:
    return LatentSpace(**{name: slow[name] for name in LatentSpace._fields})


def _noise(prior: Tensor, decoder: Tensor, generator: Generator) -> Noise:
    entities, width = prior.shape
    return Noise(
        torch.randn(entities, 1, len(decoder), generator=generator),
        torch.randn(entities, 1, width, generator=generator),
    )
