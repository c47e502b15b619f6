"""Any module: an MLP of 64-64-1 beside a plain loop and the library `higher`."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as criterion

from benchmarks.adaptation_heads import BAR_SHOTS, BATCH, FEW
from benchmarks.adaptation_rows import Row
from benchmarks.rivals import higher_modules, plain_modules
from benchmarks.turns import Pace, seconds_each
from models.inner import module_loss
from models.nets import MLP
from models.recorded import RecordedInnerLoop

WIDTH = 64
STEPS, RATE = 5, 0.05
SIZES = (1, 128)
_LOSS = module_loss(MLP((WIDTH, WIDTH, 1)), criterion)


class Modules:
    """One module and random tasks for it."""

    def __init__(self, shots: int) -> None:
        random = torch.Generator().manual_seed(shots)
        self.net = MLP((WIDTH, WIDTH, 1))
        self.params = {name: value.detach() for name, value in self.net.named_parameters()}
        self.tasks = (
            torch.randn(BATCH, shots, WIDTH, generator=random),
            torch.randint(2, (BATCH, shots, 1), generator=random).float(),
        )

    def recorded(self, *, compiled: bool) -> RecordedInnerLoop:
        def loss(params: Mapping[str, Tensor], data: tuple[Tensor, ...]) -> Tensor:
            inputs, targets = data
            return _LOSS(params, (inputs, targets))

        steps = [{name: torch.tensor(RATE) for name in self.params}] * STEPS
        return RecordedInnerLoop(
            loss, self.params, steps, self.tasks, sizes=SIZES, compiled=compiled
        )

    def first(self, count: int) -> tuple[Tensor, Tensor]:
        inputs, targets = self.tasks
        return inputs[:count], targets[:count]


def module_rows(shots: Sequence[int], pace: Pace, *, compiled: bool) -> list[Row]:
    rows = []
    for k in shots:
        rows += _rows(Modules(k), k, pace, compiled=False)
        if compiled and k == BAR_SHOTS:
            rows += _rows(Modules(k), k, pace, compiled=True)
    return rows


def _rows(modules: Modules, shots: int, pace: Pace, *, compiled: bool) -> list[Row]:
    ours = modules.recorded(compiled=compiled)
    few = modules.first(FEW)
    taken = seconds_each(
        {
            "ours": partial(ours, modules.tasks),
            "plain loop": partial(
                plain_modules.adapt_modules, modules.net, criterion, *few, STEPS, RATE
            ),
            "higher": partial(
                higher_modules.adapt_modules, modules.net, criterion, *few, STEPS, RATE
            ),
            "one": partial(ours, modules.first(1)),
        },
        pace,
    )
    how = "compiled" if compiled else "recorded"
    found = [
        (f"MLP 64-64-1, {how}, batch {BATCH}", name, BATCH / taken["ours"], FEW / taken[name], 25.0)
        for name in ("plain loop", "higher")
    ]
    alone = f"MLP 64-64-1, {how}, batch 1"
    found.append((alone, "plain loop", 1 / taken["one"], FEW / taken["plain loop"], 1.0))
    return [
        Row.of(what, rival, shots, mine, theirs, bar if shots == BAR_SHOTS else None, "entities/s")
        for what, rival, mine, theirs, bar in found
    ]
