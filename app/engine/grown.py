"""Tensors that live changes make longer: a change at the end copies nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(slots=True)
class _Room:
    buffer: Tensor
    used: int


@dataclass(frozen=True, slots=True)
class Grown:
    """[N, ...] values that never change; longer versions share their memory.

    >>> short = Grown.of(torch.tensor([1.0, 2.0]))
    >>> long = short.changed([2], torch.tensor([3.0]))
    >>> short.values.tolist(), long.values.tolist()
    ([1.0, 2.0], [1.0, 2.0, 3.0])
    """

    _room: _Room
    _size: int

    @classmethod
    def of(cls, values: Tensor) -> "Grown":
        return cls(_Room(values, len(values)), len(values))

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> Tensor:
        return self._room.buffer[: self._size]

    def changed(self, where: Sequence[int], values: Tensor) -> "Grown":
        """With `values` in the places `where`, of which those beyond the end follow each other."""
        if not where:
            return self
        size = max(self._size, max(where) + 1)
        room = self._room
        appends = min(where) >= self._size == room.used and size <= len(room.buffer)
        if not appends:
            room = _Room(self._copied(size), size)
        room.buffer[list(where)] = values.to(room.buffer)
        room.used = size
        return Grown(room, size)

    def _copied(self, size: int) -> Tensor:
        """With room to grow, where it grows at all."""
        old = self._room.buffer
        room = max(2 * self._size, size, 64) if size > self._size else size
        buffer = torch.empty((room, *old.shape[1:]), dtype=old.dtype, device=old.device)
        buffer[: self._size] = self.values
        return buffer
