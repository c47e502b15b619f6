"""The inner loop of any module, with its operations recorded beforehand for some batch sizes.

`torch.vmap` and `torch.func.grad` spend more time in Python than small modules do in arithmetic: on
one task they are slower than a plain loop. Recorded once, the operations run without them.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.subgraph_rewriter import replace_pattern

from models.inner import Params, adapt

Tasks: TypeAlias = tuple[Tensor, ...]
"""Whatever the loss takes, of B tasks: the first dimension is the task."""
Adapted: TypeAlias = dict[str, Tensor]
_Run: TypeAlias = Callable[[Tasks], Adapted]


class RecordedInnerLoop:
    """`models.inner.adapt` for batches of tasks that are shaped like an example.

    Args:
        loss: of one task, as `adapt` takes it.
        params: where every task starts.
        steps: as `adapt` takes them.
        example: tasks, of which one is looked at.
        sizes: of the batches to record, ascending. Others are made up of these: the rest of a
            batch is filled up to the next size.
        compiled: compile what was recorded. It takes a C++ compiler and half a minute a size, and
            runs at two to five times the speed.
    """

    def __init__(
        self,
        loss: Callable[[Params, Tasks], Tensor],
        params: Params,
        steps: Sequence[Params],
        example: Tasks,
        *,
        sizes: Sequence[int] = (1, 16, 128),
        compiled: bool = False,
    ) -> None:
        def one(*task: Tensor) -> Adapted:
            return adapt(loss, params, task, steps)

        self._runs: dict[int, _Run] = {}
        for size in sorted(sizes):
            tasks = tuple(_repeated(part[:1], size) for part in example)
            self._runs[size] = _recorded(one, tasks, compiled)
            self(tasks)

    def __call__(self, tasks: Tasks) -> Adapted:
        """[B, ...] adapted parameters of B tasks, outside of autograd."""
        count, most = len(tasks[0]), max(self._runs)
        with torch.inference_mode():
            if count in self._runs:
                return self._runs[count](tasks)
            parts = [
                self._part(tuple(part[start : start + most] for part in tasks))
                for start in range(0, max(1, count), most)
            ]
            return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _part(self, tasks: Tasks) -> Adapted:
        count = len(tasks[0])
        size = min(size for size in self._runs if size >= count)
        adapted = self._runs[size](tuple(_filled(part, size) for part in tasks))
        return {name: value[:count] for name, value in adapted.items()}


def _recorded(one: Callable[..., Adapted], tasks: Tasks, compiled: bool) -> _Run:
    alone = len(tasks[0]) == 1
    given = tuple(part[0] for part in tasks) if alone else tasks
    with torch.inference_mode():
        recorded = make_fx(one if alone else torch.vmap(one))(*given)
    _fuse_steps(recorded)
    run = torch.compile(recorded, dynamic=False) if compiled else recorded

    def run_alone(tasks: Tasks) -> Adapted:
        adapted: Adapted = run(*(part[0] for part in tasks))
        return {name: value.unsqueeze(0) for name, value in adapted.items()}

    return run_alone if alone else lambda tasks: run(*tasks)


def _fuse_steps(recorded: GraphModule) -> None:
    """Take a step in one go, instead of first writing down how far it leads."""
    aten = torch.ops.aten

    def stepping(value: Tensor, size: Tensor, gradient: Tensor) -> Tensor:
        moved: Tensor = aten.sub.Tensor(value, aten.mul.Tensor(size, gradient))
        return moved

    def fused(value: Tensor, size: Tensor, gradient: Tensor) -> Tensor:
        moved: Tensor = aten.addcmul.default(value, size, gradient, value=-1)
        return moved

    replace_pattern(recorded, stepping, fused)


def _repeated(part: Tensor, size: int) -> Tensor:
    return part.expand(size, *part.shape[1:]).clone()


def _filled(part: Tensor, size: int) -> Tensor:
    """With its last task again and again."""
    missing = size - len(part)
    return torch.cat([part, part[-1:].expand(missing, *part.shape[1:])]) if missing else part
