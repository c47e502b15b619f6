"""Data efficiency and complexity of every algorithm in one figure."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.algorithms_measured import POPULARITY, Measured, ranked
from models.figures import FAINT, MUTED, OURS_COLOUR, label_ends, reach, save, styled

_COSTS = {
    "parameters": "parameters",
    "megabytes": "MB of meta-weights",
    "milliseconds": "ms to adapt one user",
}


def draw(measured: Measured, path: Path) -> None:
    """NDCG@10 against training users on the left; sizes and times on the right."""
    best, *others = [name for name in ranked(measured) if name != POPULARITY]
    colours = {best: OURS_COLOUR, POPULARITY: FAINT}
    colours |= {name: MUTED[place % len(MUTED)] for place, name in enumerate(others)}
    with styled():
        figure = Figure(figsize=(12, 4.8), layout="constrained")
        left, *right = figure.subplots(1, 4, width_ratios=(2.6, 1, 1, 1))
        _draw_quality(left, measured, colours, best)
        for axes, (name, title) in zip(right, _COSTS.items(), strict=True):
            _draw_costs(axes, measured, colours, name)
            axes.set_title(title, fontsize=10, loc="left")
        right[0].set_yticks(range(len(measured.costs)), _upwards(measured))
        for tick in right[0].get_yticklabels():
            tick.set_color(colours[tick.get_text()])
        figure.suptitle(
            f"{measured.dataset}: every algorithm after {measured.shots} shots",
            x=0.01,
            ha="left",
            fontsize=12,
        )
        save(figure, path)


def _draw_quality(axes: Axes, measured: Measured, colours: Mapping[str, str], best: str) -> None:
    ends = {}
    for place, (name, line) in enumerate(measured.quality.items()):
        means = [found.mean for found in line.values()]
        users = [count * 1.015**place for count in line]
        axes.errorbar(
            users,
            means,
            reach([*line.values()]),
            color=colours[name],
            alpha=0.45,
            linewidth=0,
            elinewidth=0.8,
        )
        axes.plot(
            users,
            means,
            color=colours[name],
            linewidth=2.4 if name == best else 1.3,
            linestyle="--" if name == POPULARITY else "-",
            marker="o",
            markersize=4 if name == best else 3,
        )
        ends[name] = means[-1]
    sizes = list(measured.quality[POPULARITY])
    axes.set_xscale("log")
    axes.set_xticks(sizes, map(str, sizes))
    axes.minorticks_off()
    axes.set_xlabel("training users")
    axes.set_ylabel("NDCG@10 of held-out users (95% intervals)")
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    label_ends(axes, ends, colours, sizes[-1], best)


def _draw_costs(axes: Axes, measured: Measured, colours: Mapping[str, str], what: str) -> None:
    """A dot for each algorithm, in the order of `_upwards`."""
    names = _upwards(measured)
    values = [getattr(measured.costs[name], what) for name in names]
    for height, (name, value) in enumerate(zip(names, values, strict=True)):
        axes.plot([value], [height], color=colours[name], marker="o", markersize=7)
        axes.annotate(
            f"{value:,}" if what == "parameters" else f"{value:.2g}",
            (value, height),
            (0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=colours[name],
        )
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xticks([])
    axes.set_xlim(min(values) / 3, max(values) * 3)
    axes.set_ylim(-0.6, len(names) - 0.2)
    axes.set_yticks([])
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)


def _upwards(measured: Measured) -> list[str]:
    return [name for name in reversed(ranked(measured)) if name != POPULARITY]
