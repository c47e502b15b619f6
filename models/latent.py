"""LEO, latent embedding optimisation: the inner loop in a latent space (Rusu et al. 2019).

An encoder and a relation net turn the support into a distribution of latents, one per class; a
decoder turns latents into a distribution of parameters; the inner loop moves the latents, and then,
if asked, the parameters. B tasks, K support slots, C classes, d numbers per example, Z per latent,
P parameters per class. `labels` [B, K, C] are as in `models.metric_learning`, and >= 0; with C = 1
the class is a user.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.inner import adapt

Data = TypeVar("Data")


class Gaussian(NamedTuple):
    """Independent normal numbers."""

    mean: Tensor
    deviation: Tensor

    def draw(self, noise: Tensor | None) -> Tensor:
        """The mean moved by standard normal noise of its shape; without noise the mean itself."""
        return self.mean if noise is None else self.mean + self.deviation * noise

    def divergence(self) -> Tensor:
        """[B] KL divergence from the standard normal, summed over all but the first dimension."""
        each = self.deviation.square() + self.mean.square() - 1 - 2 * self.deviation.log()
        return each.flatten(1).sum(-1) / 2


class Noise(NamedTuple):
    """Standard normal draws."""

    latents: Tensor
    """[B, C, Z]"""
    weights: Tensor
    """[B, C, P]"""


class LatentSpace(NamedTuple):
    """The learned part of LEO; all maps are without bias, so that no support gives latent 0."""

    encoder: Tensor
    """[H, d]"""
    first_relation: Tensor
    """[R, 2 H] from the codes of two examples."""
    last_relation: Tensor
    """[2 Z, R] to the latent's mean and log deviation."""
    decoder: Tensor
    """[Z, 2 P] rows: what a latent adds to the parameters' mean and log deviation."""
    deviation: Tensor
    """[] log deviation of the parameters at latent 0."""
    steps: Tensor
    """[T] step sizes of the latents."""
    fine_steps: Tensor
    """[F] step sizes of the parameters after that; F may be 0."""


class Adapted(NamedTuple):
    """What an adaptation came to, and what its penalties need."""

    weights: Tensor
    """[B, C, P] parameters."""
    first: Gaussian
    """The latents' distribution [B, C, Z] before the first step."""
    travelled: Tensor
    """[B, C, Z] from the first latents, as drawn, to the last, which are constants."""


def encode(space: LatentSpace, support: Tensor, labels: Tensor) -> Gaussian:
    """[B, C, Z] the latents' distribution: each example is related to each, then averaged by class.

    A class without examples has the standard normal distribution.
    """
    codes = support @ space.encoder.T
    one, other = (codes @ half.T for half in space.first_relation.chunk(2, dim=1))
    used = labels.sum(-1)
    partners = used / _at_least_tiny(used.sum(-1, keepdim=True))
    relations = (one.unsqueeze(2) + other.unsqueeze(1)).relu()
    related = torch.einsum("bijr,bj->bir", relations, partners) @ space.last_relation.T
    shares = labels / _at_least_tiny(labels.sum(1, keepdim=True))
    mean, log_deviation = (shares.mT @ related).chunk(2, dim=-1)
    return Gaussian(mean, log_deviation.exp())


def decode(space: LatentSpace, latents: Tensor) -> Gaussian:
    """[B, C, P] the parameters' distribution."""
    mean, log_deviation = (latents @ space.decoder).chunk(2, dim=-1)
    return Gaussian(mean, (space.deviation + log_deviation).exp())


def adapt_latents(
    space: LatentSpace,
    losses: Callable[[Tensor, Data], Tensor],
    first: Gaussian,
    support: Data,
    noise: Noise | None = None,
) -> Adapted:
    """Steps of the latents and then of the parameters down `losses` (algorithm 1).

    `losses` gives [B] support losses of parameters [B, C, P], and `first` comes from `encode`. The
    noise is the same at all steps; without it each distribution's mean is taken.
    """

    def decoded(latents: Tensor) -> Tensor:
        return decode(space, latents).draw(noise.weights if noise else None)

    start = first.draw(noise.latents if noise else None)
    latents = _descend(
        lambda moving, data: losses(decoded(moving), data), start, support, space.steps
    )
    weights = _descend(losses, decoded(latents), support, space.fine_steps)
    return Adapted(weights, first, latents.detach() - start)


def outer_penalty(
    space: LatentSpace, adapted: Adapted, divergence: float, travel: float, orthogonality: float
) -> Tensor:
    """Scalar to be added to the query loss, by three factors.

    The divergence of the latents from the standard normal; how far the inner loop had to carry
    them from what the encoder said; and how far the decoder's rows are from orthogonal.
    """
    carried = adapted.travelled.square().flatten(1).sum(-1)
    each = divergence * adapted.first.divergence() + travel * carried
    return each.mean() + orthogonality * non_orthogonality(space.decoder)


def non_orthogonality(rows: Tensor) -> Tensor:
    """Scalar: mean square of the correlations between different rows."""
    directions = normalize(rows, dim=1)
    return (directions @ directions.T - torch.eye(len(rows)).to(rows)).square().mean()


def _descend(
    losses: Callable[[Tensor, Data], Tensor], start: Tensor, support: Data, steps: Tensor
) -> Tensor:
    sizes = [{"moving": step} for step in steps]
    moved = adapt(
        lambda params, data: losses(params["moving"], data).sum(), {"moving": start}, support, sizes
    )
    return moved["moving"]


def _at_least_tiny(count: Tensor) -> Tensor:
    return count.clamp_min(torch.finfo(count.dtype).tiny)
