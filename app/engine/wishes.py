"""What a shop adds to the scores of its items, whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.engine import bits
from app.engine.columns import CHUNK, Columns
from app.engine.filters import Filter, passing

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Boost:
    """Items that pass a filter are `factor` times as likely, beside the others."""

    of: Filter
    factor: float


@dataclass(frozen=True, slots=True)
class Fading:
    """Items lose half of their odds every so many hours since the time (ms) in a property."""

    field: str
    half_life_hours: float
    now: int


Wish: TypeAlias = Boost | Fading


def wished(wishes: Sequence[Wish], columns: Columns) -> NDArray[np.float32]:
    """[N] what is added to the scores: scores are logarithms of odds, so factors are added logs."""
    added = np.zeros(columns.size, np.float32)
    for wish in wishes:
        match wish:
            case Boost(of, factor):
                added[bits.mask(passing(of, columns), columns.size)] += np.float32(log(factor))
            case Fading(field, half_life_hours, now):
                column = columns.kept(field)
                chunks = column.numbers.parts if column is not None else ()
                for place, times in enumerate(chunks):
                    if times is not None:
                        part = added[place * CHUNK : (place + 1) * CHUNK]
                        hours = (now - times[: len(part)]).clip(0) / _HOUR_MS
                        part -= np.nan_to_num(hours * (log(2) / half_life_hours)).astype(np.float32)
    return added
