"""Draw latency against the size of the catalogue, and the cost of adapting anew for everybody."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.scale_measured import Latency
from models.figures import FAINT, MUTED, OURS_COLOUR, save, styled


def draw(found: Sequence[Latency], adapting: Mapping[int, float], path: Path) -> None:
    with styled():
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        latency, cost = figure.subplots(1, 2, width_ratios=(2, 1))
        colours = [OURS_COLOUR, *MUTED]
        shares = list(dict.fromkeys(one.share for one in found))
        for share, colour in zip(shares, colours, strict=False):
            for way, style in (("served", "-"), ("exact", ":")):
                line = [one for one in found if (one.share, one.way) == (share, way)]
                latency.plot(
                    [one.items for one in line],
                    [one.median_ms for one in line],
                    style,
                    color=colour,
                    marker="o",
                    markersize=3,
                    label=f"{share:.1%} of the items, {way}",
                )
        latency.set(xscale="log", yscale="log", xlabel="items", ylabel="ms, median")
        latency.set_title("adapt and rank one", fontsize=10)
        latency.legend(frameon=False, fontsize=7)
        cost.plot(list(adapting), list(adapting.values()), marker="o", color=OURS_COLOUR)
        cost.axhline(0, color=FAINT, linewidth=0.5)
        cost.set(xscale="log", xlabel="entities", ylabel="µs for each")
        cost.set_title("adapt anew after a reload", fontsize=10)
        save(figure, path)
