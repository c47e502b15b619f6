"""The figure of adapted curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, nn
from torch.func import functional_call

from benchmarks.verify.sines import Waves, draw_inputs, even_inputs
from models.few_shot import Examples, TaskLoss, step_sizes
from models.figures import FAINT, INK, OURS_COLOUR, save, styled
from models.inner import Params, adapt

SHOTS = 10
POINTS = 200
LOOKS = {0: ("#9fb0c2", 1.4, (0, (4, 2))), 1: ("#5b7fa6", 1.6, "-"), 10: (OURS_COLOUR, 2.0, "-")}
"""Colour, width and dashes by inner steps."""
SHOWN = torch.tensor([[4.5, -0.3], [1.2, -0.9], [3.5, -2.8]])
"""Amplitudes and phases of waves that differ, so that one prior cannot fit them all."""


class Method(NamedTuple):
    title: str
    params: Params
    rate: float
    """Size of an inner step."""


def draw_curves(
    path: Path, net: nn.Module, loss: TaskLoss, methods: Sequence[Method], generator: Generator
) -> None:
    """A row of panels for each method, a column for each wave; the suffix of `path` is the format.

    The same methods and the same generator give the same file.
    """
    amplitudes, phases = SHOWN[:, :1, None], SHOWN[:, 1:, None]
    waves = Waves(amplitudes, torch.ones_like(phases), phases)
    known = draw_inputs(len(SHOWN), SHOTS, generator)
    grid = even_inputs(len(SHOWN), POINTS)
    supports = list(zip(known, waves.at(known), strict=True))
    truths = list(zip(grid, waves.at(grid), strict=True))
    with styled():
        figure = Figure(figsize=(9.6, 5.6), layout="constrained")
        panels = figure.subplots(len(methods), len(SHOWN), sharex=True, sharey="col", squeeze=False)
        for method, line in zip(methods, panels, strict=True):
            line[0].set_ylabel(method.title, fontweight="bold", fontsize=11)
            for axes, support, truth in zip(line, supports, truths, strict=True):
                _draw_task(axes, support, truth)
                _draw_fits(axes, net, loss, method, support, truth)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        save(figure, path)


def _draw_task(axes: Axes, support: Examples, truth: Examples) -> None:
    inputs, values = (column.flatten() for column in truth)
    axes.plot(inputs, values, color=INK, linewidth=5, alpha=0.18, label="true wave")
    inputs, values = (column.flatten() for column in support)
    axes.scatter(inputs, values, s=26, color=INK, zorder=5, label=f"{SHOTS} known points")
    axes.axhline(0, color=FAINT, linewidth=0.5, zorder=0)


def _draw_fits(
    axes: Axes,
    net: nn.Module,
    loss: TaskLoss,
    method: Method,
    support: Examples,
    truth: Examples,
) -> None:
    step = step_sizes(method.params, method.rate)
    errors = []
    for steps, (colour, width, dashes) in LOOKS.items():
        fast = adapt(loss, method.params, support, [step] * steps)
        errors.append(f"{loss(fast, truth).item():.2f}")
        axes.plot(
            truth[0].flatten(),
            functional_call(net, fast, (truth[0],)).flatten(),
            color=colour,
            linewidth=width,
            linestyle=dashes,
            label="before" if steps == 0 else f"after {steps} step{'s' * (steps > 1)}",
        )
    axes.set_title("MSE " + " → ".join(errors), fontsize=9, loc="right", pad=3)
