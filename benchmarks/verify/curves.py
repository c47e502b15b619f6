"""The figure of adapted curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor, nn
from torch.func import functional_call

from benchmarks.verify.sines import MAML_FAMILY, draw_inputs, draw_waves, even_inputs
from models.few_shot import Examples, TaskLoss, step_sizes
from models.figures import FAINT, INK, OURS_COLOUR, save, styled
from models.inner import Params, adapt

SHOTS = 10
POINTS = 200
LOOKS = {0: ("#b9c4d0", 1.4, (0, (4, 2))), 1: ("#5b7fa6", 1.6, "-"), 10: (OURS_COLOUR, 2.0, "-")}
"""Colour, width and dashes by inner steps."""


class Method(NamedTuple):
    title: str
    params: Params
    rate: float
    """Size of an inner step."""


def draw_curves(
    path: Path,
    net: nn.Module,
    loss: TaskLoss,
    methods: Sequence[Method],
    generator: Generator,
    *,
    tasks: int = 3,
) -> None:
    """A row of panels for each method, a column for each wave; the suffix of `path` is the format.

    The same methods and the same generator give the same file.
    """
    waves = draw_waves(MAML_FAMILY, tasks, generator)
    support = draw_inputs(tasks, SHOTS, generator)
    inputs = even_inputs(tasks, POINTS)
    with styled():
        figure = Figure(figsize=(9.6, 5.4), layout="constrained")
        panels = figure.subplots(len(methods), tasks, sharex=True, sharey="col", squeeze=False)
        for method, line in zip(methods, panels, strict=True):
            line[0].set_ylabel(method.title, fontweight="bold")
            for task, axes in enumerate(line):
                examples = (support[task], waves.at(support)[task])
                _draw_truth(axes, inputs[task], waves.at(inputs)[task], examples)
                _draw_fits(axes, net, loss, method, examples, inputs[task])
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        save(figure, path)


def _draw_truth(axes: Axes, inputs: Tensor, values: Tensor, support: Examples) -> None:
    axes.plot(
        inputs.flatten(), values.flatten(), color=INK, linewidth=5, alpha=0.18, label="true wave"
    )
    known, measured = (points.flatten() for points in support)
    axes.scatter(known, measured, s=26, color=INK, zorder=5, label=f"{SHOTS} known points")
    axes.axhline(0, color=FAINT, linewidth=0.5, zorder=0)


def _draw_fits(
    axes: Axes, net: nn.Module, loss: TaskLoss, method: Method, support: Examples, inputs: Tensor
) -> None:
    step = step_sizes(method.params, method.rate)
    for steps, (colour, width, dashes) in LOOKS.items():
        fast = adapt(loss, method.params, support, [step] * steps)
        fitted = functional_call(net, fast, (inputs,))
        axes.plot(
            inputs.flatten(),
            fitted.flatten(),
            color=colour,
            linewidth=width,
            linestyle=dashes,
            label="before" if steps == 0 else f"after {steps} step{'s' * (steps > 1)}",
        )
