"""A report as a picture. Needs matplotlib, which the extra `plots` brings."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.evidence import MARGIN, Estimate
from models.metrics import CLAIMABLE_USERS
from models.report import OURS, PRIOR, Report

OURS_COLOUR, INK, FAINT = "#c8102e", "#333333", "#8a8a8a"
MUTED = (
    *("#5b7fa6", "#6f9f6d", "#b08c4f", "#8d6f9e", "#5fa3a3"),
    *("#a67272", "#7d7d4e", "#9a8fb8", "#c28a5a", "#4f6d7a"),
)


def styled() -> AbstractContextManager[None]:
    """The look of every figure; the salt makes the same picture the same file."""
    return mpl.rc_context(
        {
            "svg.hashsalt": "thaw",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": FAINT,
            "axes.labelcolor": INK,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )


def draw(report: Report, path: Path) -> None:
    """NDCG@10 against shots for every method, and ours against the strongest rival.

    The suffix of `path` says which format (svg, png, pdf). The same report gives the same file.
    """
    with styled():
        figure = Figure(figsize=(8.2, 6.0 if report.rivals else 4.6), layout="constrained")
        if report.rivals:
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
            _draw_gain(lower, report)
        else:
            upper = lower = figure.subplots()
        _draw_methods(upper, report)
        figure.suptitle(
            f"{report.dataset}: NDCG@10 of held-out {report.side}s, {report.order} support",
            x=0.01,
            ha="left",
            fontsize=12,
        )
        few = {k for k, users in report.users.items() if users < CLAIMABLE_USERS}
        names = [f"{k}\n(few)" if k in few else f"{k}" for k in report.users]
        lower.set_xticks(range(len(names)), names)
        note = f" (few: less than {CLAIMABLE_USERS} {report.side}s)" if few else ""
        lower.set_xlabel(f"shots: interactions known of the {report.side}{note}")
        save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """The same bytes whenever the picture is the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dated = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=130, metadata=dated)


def _draw_methods(axes: Axes, report: Report) -> None:
    rivals = [name for name in report.methods if name not in {OURS, PRIOR}]
    colours = {PRIOR: FAINT, **{name: MUTED[i % len(MUTED)] for i, name in enumerate(rivals)}}
    ends: dict[str, float] = {}
    for place, (name, colour) in enumerate(colours.items()):
        found = _curve(report, name)
        aside = (place - len(colours) / 2) * 0.035
        places = [position + aside for position in range(len(found))]
        means = [one.mean for one in found]
        axes.errorbar(
            places, means, yerr=reach(found), color=colour, alpha=0.45, linewidth=0, elinewidth=0.8
        )
        style = "--" if name == PRIOR else "-"
        axes.plot(
            places, means, color=colour, linewidth=1.1, linestyle=style, marker="o", markersize=2.5
        )
        ends[name] = found[-1].mean
    ours = _curve(report, OURS)
    below, above = reach(ours)
    means = [one.mean for one in ours]
    axes.fill_between(
        range(len(ours)),
        [mean - less for mean, less in zip(means, below, strict=True)],
        [mean + more for mean, more in zip(means, above, strict=True)],
        color=OURS_COLOUR,
        alpha=0.15,
        linewidth=0,
    )
    axes.plot(means, color=OURS_COLOUR, linewidth=2.6, marker="o", markersize=5, zorder=5)
    ends[OURS] = means[-1]
    axes.set_ylabel("NDCG@10 (95% intervals)")
    axes.set_xlim(-0.5, len(ours) - 0.7)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    label_ends(axes, ends, {**colours, OURS: OURS_COLOUR}, len(ours) - 1, OURS)


def label_ends(
    axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str], position: float, bold: str
) -> None:
    """Names to the right of curves that end at `position`, moved apart where they would touch."""
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda name: ends[name])
    heights = _apart([ends[name] for name in names], (high - low) * 0.052)
    for name, height in zip(names, heights, strict=True):
        axes.annotate(
            name,
            (position, ends[name]),
            (1.03, height),
            textcoords=axes.get_yaxis_transform(),
            color=colours[name],
            fontweight="bold" if name == bold else "normal",
            fontsize=10 if name == bold else 9,
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colours[name],
                "linewidth": 0.6,
                "shrinkA": 1,
                "shrinkB": 6,
                "relpos": (0, 0.5),
            },
        )


def _apart(heights: Iterable[float], gap: float) -> list[float]:
    """Ascending `heights` with at least `gap` between them, moved as little as possible.

    >>> _apart([0.0, 4.0, 4.0, 9.0], 2.0)
    [0.0, 3.0, 5.0, 9.0]
    """
    blocks: list[tuple[float, int]] = []
    for index, height in enumerate(heights):
        mean, size = height - index * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, length = blocks.pop()
            mean, size = (before * length + mean * size) / (length + size), length + size
        blocks.append((mean, size))
    levels = [mean for mean, size in blocks for _ in range(size)]
    return [level + index * gap for index, level in enumerate(levels)]


def _draw_gain(axes: Axes, report: Report) -> None:
    """Ours minus the strongest rival in percent of the rival, paired by user."""
    for position, k in enumerate(report.users):
        if k not in report.rivals:
            continue
        rival = report.rivals[k]
        found, base = report.against[k][rival], report.methods[rival][k]["ndcg@10"].mean / 100
        if not base > 0:
            continue
        gain = Estimate(found.diff / base, found.low / base, found.high / base)
        axes.errorbar(
            [position],
            [gain.mean],
            yerr=reach([gain]),
            color=OURS_COLOUR,
            marker="o",
            markersize=5,
            capsize=3,
        )
        axes.annotate(
            rival,
            (position, 0),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=FAINT,
        )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(-100 * MARGIN, color=FAINT, linewidth=0.8, linestyle=":")
    axes.set_ylabel("gain over the\nstrongest rival, %")
    axes.margins(y=0.25)


def _curve(report: Report, name: str) -> list[Estimate]:
    return [report.methods[name][k]["ndcg@10"] for k in report.users]


def reach(found: Sequence[Estimate]) -> tuple[list[float], list[float]]:
    """How far the intervals reach below and above the means; 0 where there is none."""
    return (
        [0.0 if one.low is None else max(0.0, one.mean - one.low) for one in found],
        [0.0 if one.high is None else max(0.0, one.high - one.mean) for one in found],
    )
