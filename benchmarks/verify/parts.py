"""The parts of the verification. New processes import them from here: they cannot from __main__."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.verify import digits, reptile_sinusoid, sinusoid, wider_sinusoid
from benchmarks.verify.row import VerifyRow


class Part(NamedTuple):
    rows: Callable[[bool], list[VerifyRow]]
    figure: Callable[[Path, bool], None] | None = None


PARTS = {
    "sinusoid-5": Part(partial(sinusoid.rows, 5)),
    "sinusoid-10": Part(partial(sinusoid.rows, 10), sinusoid.figure),
    "wider-sinusoid": Part(wider_sinusoid.rows),
    "digits": Part(digits.rows),
    "reptile-sinusoid": Part(reptile_sinusoid.rows),
}
"""The longest first, so that two processes end at about the same time."""


def measure(name: str, figure: Path, quick: bool) -> list[VerifyRow]:
    part = PARTS[name]
    found = part.rows(quick)
    if part.figure:
        part.figure(figure, quick)
    return found


def measure_all(names: Sequence[str], figure: Path, quick: bool) -> list[VerifyRow]:
    """Each part in a process of its own, with one thread: their tensors are small."""
    with ProcessPoolExecutor(
        mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        found = list(pool.map(measure, names, repeat(figure), repeat(quick)))
    return [row for rows in found for row in rows]
