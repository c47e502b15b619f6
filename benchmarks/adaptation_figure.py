"""Draw how many times faster adapting is, by shots, and how its rate grows with the batch."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.adaptation_heads import Rate
from benchmarks.adaptation_rows import Row
from models.figures import FAINT, MUTED, OURS_COLOUR, save, styled

_PLAIN = "plain loop"


def draw(rows: Sequence[Row], rates: Sequence[Rate], path: Path) -> None:
    with styled():
        figure = Figure(figsize=(9.2, 4.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_ratios(left, rows)
        _draw_rates(right, rates)
        figure.legend(
            *left.get_legend_handles_labels(),
            loc="outside lower left",
            ncols=3,
            frameon=False,
            fontsize=8,
        )
        figure.suptitle("Adapting, beside a plain loop", x=0.01, ha="left", fontsize=12)
        save(figure, path)


def _draw_ratios(axes: Axes, rows: Sequence[Row]) -> None:
    beside = [
        row for row in rows if row.rival_name == _PLAIN and not row.what.endswith(", batch 1")
    ]
    names = list(dict.fromkeys(row.what for row in beside))
    for name, colour in zip(names, (OURS_COLOUR, *MUTED), strict=False):
        line = [row for row in beside if row.what == name]
        label = name.rpartition(", batch ")[0]
        axes.plot(
            [str(row.shots) for row in line],
            [row.ratio for row in line],
            marker="o",
            color=colour,
            label=label,
        )
    axes.set_yscale("log")
    axes.set_xlabel("shots")
    axes.set_ylabel("times as many a second")
    axes.grid(axis="y", color=FAINT, alpha=0.3)


def _draw_rates(axes: Axes, rates: Sequence[Rate]) -> None:
    batches = [rate.batch for rate in rates]
    ours, loop = ([getattr(rate, name) for rate in rates] for name in ("ours", "loop"))
    axes.plot(batches, ours, marker="o", color=OURS_COLOUR, label="256 negatives, as served")
    axes.plot(batches, loop, color=MUTED[0], label=_PLAIN)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(batches, [f"{batch}" for batch in batches])
    axes.set_xlabel("entities at once")
    axes.set_ylabel("entities a second, 10 shots")
    axes.grid(axis="y", color=FAINT, alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
