"""Sums over a few of very many rows, without memory for all of them each time."""

import torch
from torch import Tensor


class Scratch:
    """For the one thread that owns the device: between two calls it holds nothing but zeros."""

    def __init__(self) -> None:
        self._zeros = torch.zeros(0)

    def summed(self, rows: Tensor, values: Tensor, asked: Tensor, size: int) -> Tensor:
        """[M] float32 for the rows `asked` [M] of `size`: the sum of `values` [J] where `rows` [J]
        are the same.

        >>> rows, values = torch.tensor([3, 1, 3]), torch.tensor([1.0, 2.0, 4.0])
        >>> Scratch().summed(rows, values, torch.tensor([1, 2, 3]), 5).tolist()
        [2.0, 0.0, 5.0]
        """
        if len(self._zeros) < size or self._zeros.device != rows.device:
            self._zeros = torch.zeros(size, device=rows.device)
        sums = self._zeros
        sums.scatter_add_(0, rows, values.to(sums))
        found = sums[asked]
        sums[rows] = 0
        return found
