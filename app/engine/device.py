"""The one thread that owns torch.

Two threads that call into one module's parameters at the same time give wrong numbers without an
error, so everything that touches a tensor runs here, in order.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.engine.scratch import Scratch

P = ParamSpec("P")
T = TypeVar("T")

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


class Device:
    """A torch device and its thread. `precision` is the widest float it computes in."""

    def __init__(self, name: DeviceName) -> None:
        self.torch = torch.device(_best() if name == "auto" else name)
        self.precision = torch.float32 if self.torch.type == "mps" else torch.float64
        self.scratch = Scratch()
        self._thread = ThreadPoolExecutor(
            max_workers=1,
            thread_name_prefix="device",
            initializer=torch.set_num_threads,
            initargs=(max(1, torch.get_num_threads() - 1),),  # the event loop needs one too
        )

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def call() -> T:
            with torch.inference_mode():
                return function(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def rows(self, values: NDArray[np.int64]) -> Tensor:
        """Row numbers on the device."""
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64)).to(self.torch)

    def put(self, values: NDArray[np.float32]) -> Tensor:
        """Numbers on the device."""
        return torch.from_numpy(values).to(self.torch)

    def close(self) -> None:
        self._thread.shutdown(wait=True)


def _best() -> str:
    """MPS has no double precision and must be asked for."""
    return "cuda" if torch.cuda.is_available() else "cpu"
