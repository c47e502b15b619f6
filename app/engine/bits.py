"""A set of rows as packed bits, eight to a byte, lowest first: as an index asks for it."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = NDArray[np.uint8]


def pack(mask: NDArray[np.bool_]) -> Bits:
    """Of a mask [N].

    >>> pack(np.array([True, False, True])).tolist()
    [5]
    """
    return np.packbits(mask, bitorder="little")


def count(bits: Bits) -> int:
    """How many rows there are."""
    return int(np.bitwise_count(bits).sum())


def rows(bits: Bits) -> NDArray[np.int64]:
    """In ascending order.

    >>> rows(np.array([5, 1], np.uint8)).tolist()
    [0, 2, 8]
    """
    used = np.flatnonzero(bits)
    byte, place = np.nonzero(np.unpackbits(bits[used, np.newaxis], axis=1, bitorder="little"))
    return used[byte] * 8 + place


def mask(bits: Bits, size: int) -> NDArray[np.bool_]:
    """[N] of N rows."""
    return np.unpackbits(bits, count=size, bitorder="little").view(np.bool_)


def without(bits: Bits, excluded: NDArray[np.int64]) -> Bits:
    """A copy that lacks some rows."""
    left = bits.copy()
    np.bitwise_and.at(left, excluded >> 3, ~_bit(excluded))
    return left


def held(bits: Bits, asked: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[M] which of these rows are in it."""
    found: NDArray[np.bool_] = (bits[asked >> 3] & _bit(asked)) != 0
    return found


def holds(bits: Bits, row: int) -> bool:
    """Whether a row is in it."""
    return bool(bits[row >> 3] >> (row & 7) & 1)


def _bit(places: NDArray[np.int64]) -> Bits:
    one: Bits = np.left_shift(1, places & 7).astype(np.uint8)
    return one
