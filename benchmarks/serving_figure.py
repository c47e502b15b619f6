"""Draw latency against load."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from matplotlib.figure import Figure

from benchmarks.load import Measured
from models.figures import MUTED, OURS_COLOUR, save, styled

COLOURS = {"adapting": OURS_COLOUR, "bare": MUTED[0]}
NAMES = {"adapting": "Thaw, adapting", "bare": "bare route"}
LINES = {"p50": ":", "p99": "-"}


class Point(Protocol):
    @property
    def server(self) -> str: ...

    @property
    def load(self) -> Measured: ...


def draw(points: Sequence[Point], path: Path) -> None:
    with styled():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        for server, colour in COLOURS.items():
            loads = [point.load for point in points if point.server == server]
            rates = [load.rate for load in loads]
            for name, style in LINES.items():
                values = [load.p50 if name == "p50" else load.p99 for load in loads]
                label = f"{NAMES[server]}, {name}"
                axes.plot(rates, values, style, color=colour, marker="o", label=label)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("requests a second")
        axes.set_ylabel("ms")
        axes.legend(frameon=False, fontsize=9)
        figure.suptitle("Latency under open load", x=0.01, ha="left", fontsize=12)
        save(figure, path)
