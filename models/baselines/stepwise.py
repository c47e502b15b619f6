"""Rivals that learn by gradient steps: the number of steps is one more setting to choose."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from models.baselines.baseline import Scorers, Setting
from models.baselines.crowd import Crowd, Scorer
from models.progress import OnProgress

MOST_SHOTS = 50
"""What the nets see of a support: its last so many items."""

_TELL_EVERY = 10


class Learner(Protocol):
    """A net on its way."""

    def step(self, number: int) -> None:
        """One gradient step; everything random follows from its number."""

    def scorer(self) -> Scorer:
        """As the net is now; good until the next step."""


def stepwise(start: Callable[[Crowd, Setting], Learner]) -> Scorers:
    """Settings that differ in `steps` only are stations on one way."""

    def scorers(
        crowd: Crowd, settings: Sequence[Setting], tell: OnProgress
    ) -> Iterator[tuple[Setting, Scorer]]:
        ways: dict[str, list[Setting]] = {}
        for setting in sorted(settings, key=lambda one: one["steps"]):
            ways.setdefault(str({**setting, "steps": None}), []).append(setting)
        total = sum(int(way[-1]["steps"]) for way in ways.values())
        before = 0
        for way in ways.values():
            learner, taken = start(crowd, way[0]), 0
            for setting in way:
                for number in range(taken, int(setting["steps"])):
                    if number % _TELL_EVERY == 0:
                        tell(f"step {before + number} of {total}", (before + number) / total)
                    learner.step(number)
                taken = int(setting["steps"])
                yield setting, learner.scorer()
            before += taken

    return scorers


def draw_histories(crowd: Crowd, random: Generator, users: int) -> list[NDArray[np.int64]]:
    """Histories of so many random users as places in the head, shuffled unless time orders them."""
    drawn = random.integers(len(crowd.sequences), size=users)
    some = [crowd.sequences[one] for one in drawn]
    return some if crowd.order == "time" else [random.permutation(one) for one in some]


def draw_shots(random: Generator, most: NDArray[np.int64]) -> NDArray[np.int64]:
    """Log-uniform in 1..MOST_SHOTS, cut off at `most`."""
    drawn = (MOST_SHOTS + 1) ** random.random(most.shape)
    return np.minimum(drawn.astype(np.int64), most)


def padded(rows: Sequence[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
    """[B, K] places, 0 where a row has ended, and [B, K] bool: where it has not."""
    lengths = np.array([len(row) for row in rows])
    known = np.arange(lengths.max()) < lengths[:, None]
    places = np.zeros(known.shape, np.int64)
    places[known] = np.concatenate(rows)
    return torch.from_numpy(places), torch.from_numpy(known)


def initialise(net: nn.Module, generator: torch.Generator) -> None:
    """Xavier for matrices, 0 for biases, as Liang et al. do."""
    for name, tensor in net.named_parameters():
        if tensor.ndim > 1:
            nn.init.xavier_normal_(tensor, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(tensor)


def dropout(values: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    """As in training, or nothing at all without a generator."""
    if generator is None or not rate:
        return values
    kept = torch.rand(values.shape, generator=generator) >= rate
    return values * kept / (1 - rate)
