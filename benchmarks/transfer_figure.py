"""Draw NDCG@10 against shots, one panel for each number of users of history."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.evidence import Estimate
from models.figures import FAINT, MUTED, OURS_COLOUR, save, styled

COLOURS = {
    "popularity": FAINT,
    "alone": MUTED[0],
    "content": MUTED[1],
    "transfer": OURS_COLOUR,
}


class Point(Protocol):
    @property
    def history(self) -> int: ...

    @property
    def way(self) -> str: ...

    @property
    def shots(self) -> int: ...

    @property
    def ndcg(self) -> Estimate: ...


def draw(points: Sequence[Point], title: str, path: Path) -> None:
    histories = list(dict.fromkeys(point.history for point in points))
    with styled():
        figure = Figure(figsize=(2.4 + 2.3 * len(histories), 3.4), layout="constrained")
        panels = figure.subplots(1, len(histories), sharey=True, squeeze=False)[0]
        for axes, history in zip(panels, histories, strict=True):
            _draw_panel(axes, [point for point in points if point.history == history])
            axes.set_title(f"{history:,} users", fontsize=10)
            axes.set_xlabel("shots")
        panels[0].set_ylabel("NDCG@10")
        panels[0].set_ylim(bottom=0)
        panels[-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
        save(figure, path)


def _draw_panel(axes: Axes, points: Sequence[Point]) -> None:
    shots = list(dict.fromkeys(point.shots for point in points))
    for way, colour in COLOURS.items():
        line = [point for point in points if point.way == way]
        places = [shots.index(point.shots) for point in line]
        means = [point.ndcg.mean for point in line]
        below = [point.ndcg.mean - (point.ndcg.low or 0) for point in line]
        above = [(point.ndcg.high or 0) - point.ndcg.mean for point in line]
        axes.errorbar(
            places, means, (below, above), label=way, color=colour, marker="o", markersize=3
        )
    axes.set_xticks(range(len(shots)), [str(k) for k in shots])
