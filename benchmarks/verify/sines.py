"""Sinusoid regression: one task is one wave, known at a few points."""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from models.few_shot import Tasks

REACH = 5.0
"""Inputs lie in [-5, 5]."""


class Family(NamedTuple):
    """Waves A sin(w x + b) with A in [0.1, 5] and w, b uniform in these ranges."""

    frequencies: tuple[float, float]
    phases: tuple[float, float]


MAML_FAMILY = Family((1.0, 1.0), (-math.pi, 0.0))
"""Finn et al. 2017: sin(x - phase) with the phase in [0, pi]."""
REPTILE_FAMILY = Family((1.0, 1.0), (0.0, 2 * math.pi))
"""Nichol et al. 2018, the demo of their announcement."""
META_SGD_FAMILY = Family((0.8, 1.2), (0.0, math.pi))
"""Li et al. 2017."""


class Waves(NamedTuple):
    """B waves; each field is [B, 1, 1]."""

    amplitudes: Tensor
    frequencies: Tensor
    phases: Tensor

    def at(self, inputs: Tensor) -> Tensor:
        """[B, n, 1] values at inputs [B, n, 1]."""
        return self.amplitudes * torch.sin(self.frequencies * inputs + self.phases)


def draw_waves(family: Family, count: int, generator: Generator) -> Waves:
    low = torch.tensor([0.1, family.frequencies[0], family.phases[0]])
    high = torch.tensor([5.0, family.frequencies[1], family.phases[1]])
    drawn = low + (high - low) * torch.rand(count, 3, generator=generator)
    return Waves(*(column[:, None, None] for column in drawn.unbind(1)))


def draw_inputs(tasks: int, points: int, generator: Generator) -> Tensor:
    """[tasks, points, 1] uniform in [-5, 5]."""
    return (2 * torch.rand(tasks, points, 1, generator=generator) - 1) * REACH


def draw_tasks(family: Family, count: int, shots: int, generator: Generator) -> Tasks:
    """`count` waves with `shots` points to learn from and as many others to be judged by."""
    waves = draw_waves(family, count, generator)
    support, query = (draw_inputs(count, shots, generator) for _ in range(2))
    return Tasks((support, waves.at(support)), (query, waves.at(query)))


def even_inputs(tasks: int, points: int) -> Tensor:
    """[tasks, points, 1] evenly spaced over [-5, 5]."""
    return torch.linspace(-REACH, REACH, points).expand(tasks, -1)[..., None]
