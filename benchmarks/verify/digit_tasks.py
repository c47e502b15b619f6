"""Five-way tasks on the 8x8 handwritten digits that ship with scikit-learn.

Tests show digits as they are. Ten classes are few to learn from, so that training makes new ones: a
class is a digit, or the left half of one beside the right half of another, in one of eight
symmetries, under an affine and elastic warp that all of its images share; each image is then warped
a little on its own. Omniglot's rotated characters (Vinyals et al. 2016) are the precedent.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from models.few_shot import Tasks

WAYS, MOST_SHOTS, QUERIES, SIDE = 5, 5, 15, 8
HALVES = 0.5
"""Share of training classes that are put together from two digits."""


class Warp(NamedTuple):
    """Largest strengths; lengths in halves of the image's side."""

    turn: float
    """Radians."""
    stretch: float
    """Logarithm of the scale of each axis."""
    shear: float
    shift: float
    bend: float
    """Deviation of a smooth displacement."""


OF_CLASS = Warp(turn=0.4, stretch=0.2, shear=0.3, shift=0.0, bend=0.15)
OF_IMAGE = Warp(turn=0.2, stretch=0.15, shear=0.2, shift=0.2, bend=0.05)


@cache
def digits() -> Tensor:
    """[10, n, 8, 8] images by digit, 0 is white and 1 black; as many of each as the rarest has."""
    with as_file(files("sklearn.datasets.data") / "digits.csv.gz") as path:
        table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.float32))
    pixels, classes = table[:, :-1].reshape(-1, SIDE, SIDE) / 16, table[:, -1]
    by_digit = [pixels[classes == digit] for digit in range(10)]
    least = min(map(len, by_digit))
    return torch.stack([images[:least] for images in by_digit])


def test_tasks(classes: Sequence[int], count: int, shots: int, generator: Generator) -> Tasks:
    """`count` tasks to tell five different classes apart, from so many shots of each."""
    order = torch.rand(count, len(classes), generator=generator).argsort(1)
    chosen = torch.tensor(classes)[order[:, :WAYS]]
    return _tasks(_pick(chosen, generator), shots)


def training_tasks(classes: Sequence[int], count: int, shots: int, generator: Generator) -> Tasks:
    """`count` tasks to tell five classes apart that are made from those digits."""

    def pick() -> Tensor:
        drawn = torch.randint(len(classes), (count, WAYS), generator=generator)
        return _pick(torch.tensor(classes)[drawn], generator)

    halved = torch.rand(count, WAYS, 1, 1, 1, generator=generator) < HALVES
    images = torch.where(halved & (torch.arange(SIDE) >= SIDE // 2), pick(), pick())
    return _tasks(warped(images, generator), shots)


def _pick(classes: Tensor, generator: Generator) -> Tensor:
    """[B, W, 20, 8, 8] different images of each of the classes [B, W]."""
    images = digits()
    order = torch.rand(*classes.shape, images.shape[1], generator=generator)
    return images[classes.unsqueeze(-1), order.topk(MOST_SHOTS + QUERIES).indices]


def _tasks(images: Tensor, shots: int) -> Tasks:
    """Pixels [B, n, 64] and one-hot labels [B, n, W] out of images [B, W, 20, 8, 8].

    All supports have five slots for each class; those beyond `shots` are unused: labels of zeros.
    """
    count, ways, each = images.shape[:3]
    used = torch.arange(each) < shots
    labels = torch.eye(ways).unsqueeze(1) * used.logical_or(
        torch.arange(each) >= MOST_SHOTS
    ).unsqueeze(-1)
    pixels, labels = images.flatten(3), labels.expand(count, -1, -1, -1)
    support, query = (
        (pixels[:, :, part].flatten(1, 2), labels[:, :, part].flatten(1, 2))
        for part in (slice(MOST_SHOTS), slice(MOST_SHOTS, None))
    )
    return Tasks(support, query)


def warped(images: Tensor, generator: Generator) -> Tensor:
    """The images [B, W, n, 8, 8] of B W classes, each class in its own way."""
    tasks, ways, each = images.shape[:3]
    of_class, _ = _affine((tasks, ways, 1), OF_CLASS, generator)
    of_image, shift = _affine((tasks, ways, each), OF_IMAGE, generator)
    linear = _symmetries((tasks, ways, 1), generator) @ of_class @ of_image
    maps = torch.cat([linear, shift.unsqueeze(-1)], dim=-1).flatten(0, 2)
    places = affine_grid(maps, [len(maps), 1, SIDE, SIDE], align_corners=False)
    bends = _bends(tasks * ways, OF_CLASS, generator).repeat_interleave(each, dim=0)
    places = places + bends + _bends(len(maps), OF_IMAGE, generator)
    flat = images.reshape(-1, 1, SIDE, SIDE)
    return grid_sample(flat, places, align_corners=False).reshape(images.shape)


def _affine(shape: tuple[int, ...], warp: Warp, generator: Generator) -> tuple[Tensor, Tensor]:
    """Random maps: linear parts [*shape, 2, 2] and shifts [*shape, 2]."""

    def within(most: float) -> Tensor:
        return most * (2 * torch.rand(shape, generator=generator) - 1)

    wide, high = within(warp.stretch).exp(), within(warp.stretch).exp()
    slanted = _matrix(wide, within(warp.shear) * high, torch.zeros(shape), high)
    shift = torch.stack([within(warp.shift), within(warp.shift)], dim=-1)
    return _turn(within(warp.turn)) @ slanted, shift


def _symmetries(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """[*shape, 2, 2] random symmetries of the square."""
    quarters = torch.randint(4, shape, generator=generator)
    mirror = torch.randint(2, shape, generator=generator) * 2.0 - 1
    nothing = torch.zeros(shape)
    return _turn(quarters * torch.pi / 2) @ _matrix(mirror, nothing, nothing, nothing + 1)


def _turn(angles: Tensor) -> Tensor:
    cosine, sine = angles.cos(), angles.sin()
    return _matrix(cosine, -sine, sine, cosine)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.stack([torch.stack([a, b], dim=-1), torch.stack([c, d], dim=-1)], dim=-2)


def _bends(count: int, warp: Warp, generator: Generator) -> Tensor:
    """[count, 8, 8, 2] smooth random displacements."""
    corners = warp.bend * torch.randn(count, 2, 3, 3, generator=generator)
    smooth = interpolate(corners, size=(SIDE, SIDE), mode="bilinear", align_corners=True)
    return smooth.permute(0, 2, 3, 1)
