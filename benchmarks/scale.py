"""What a larger catalogue and more entities cost.

    ./run bench scale [--quick] [--data DIR] [--sizes 1000,10000,100000,1000000]

Catalogues of any size are jittered copies of the items of one training (benchmarks/resampled.py).
The engine of the service adapts to 10 events and ranks, one request at a time, nothing cached: all
items, or those of one shelf that a filter asks for. Sizes take turns. Recall is of the best 100 by
exact search. Results go into benchmarks/results/scale.json, a table into docs/performance.md, and a
figure into docs/images.
"""

import argparse
import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from app.cli.data import Known, fetch_data
from app.engine.engine import Engine
from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.resampled import histories, on_shelves, resampled
from benchmarks.scale_figure import draw
from benchmarks.scale_measured import (
    NEWER_A_SECOND,
    NOW,
    SHOTS,
    Latency,
    Place,
    latencies,
    publishing,
    readapting,
    under_change,
)
from models.config import TrainConfig
from models.data import read
from models.evaluate import trained
from models.weights import MetaWeights

SHARES = (1.0, 0.1, 0.01, 0.001)
SMALL = 10_000
SIZES, QUICK_SIZES = (1_000, SMALL, 100_000, 1_000_000), (1_000, SMALL, 200_000)
ENTITIES, QUICK_ENTITIES = (1_000, 10_000, 1_000_000), (1_000, 10_000, 100_000)
RECALL_BAR = 0.98
_PART = re.compile(r"(?<=<!-- scale -->\n).*(?=<!-- /scale -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    ours: float
    rival: float
    ratio: float
    bar: float | None
    better: Literal["higher", "lower"]
    unit: str

    @classmethod
    def of(
        cls,
        what: str,
        ours: float,
        rival: float,
        bar: float | None,
        unit: str,
        better: Literal["higher", "lower"] = "lower",
    ) -> "Row":
        return cls(what, ours, rival, ours / rival, bar, better, unit)

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.ratio <= self.bar if self.better == "lower" else self.ratio >= self.bar


@dataclass(frozen=True, slots=True)
class Measured:
    latencies: list[Latency]
    publishing: dict[int, dict[int, float]]
    """Changed items -> catalogue size -> ms."""
    idle: float
    busy: float
    """p99 (ms) of the largest catalogue, without and with new items."""
    adapting: dict[int, float]
    """Entities -> microseconds for each."""


async def measure(weights: MetaWeights, asked: argparse.Namespace) -> Measured:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thaw-scale-")))
        places = [
            await stack.enter_async_context(_serving(weights, size, folder))
            for size in sorted({SMALL, *asked.sizes})
        ]
        small = next(place for place in places if place.items == SMALL)
        found = await latencies(places, SHARES, asked.requests)
        pair = [small, places[-1]]
        changes = {count: await publishing(pair, count, 11) for count in (1, 1_000)}
        adapting = readapting(small, sorted({SMALL, *asked.entities}), 20)
        idle, busy = await under_change(places[-1], asked.seconds)
    return Measured(found, changes, idle, busy, adapting)


@asynccontextmanager
async def _serving(weights: MetaWeights, size: int, folder: Path) -> AsyncIterator[Place]:
    large = resampled(weights, size)
    engine = Engine(device="cpu", batch_limit=64, queue_limit=1024, folder=folder)
    engine.start()
    try:
        await engine.update_items(on_shelves(large, SHARES[1:]), 1, NOW)
        asking = histories(large, 200, SHOTS)
        await engine.swap(await engine.prepare(large, NOW), NOW)
        del large  # what is in files now would fill memory twice
        yield Place(engine, asking)
    finally:
        await engine.close()


def rows_of(measured: Measured) -> list[Row]:
    most, items = max(measured.adapting), max(one.items for one in measured.latencies)
    costs = measured.adapting
    return [
        *_latency_rows(measured.latencies),
        *_publishing_rows(measured.publishing),
        Row.of(
            f"p99 with {items:,} items, {NEWER_A_SECOND:,} more a second against none",
            *(measured.busy, measured.idle, None, "ms"),
        ),
        Row.of(
            f"adapting anew after a reload, {most:,} entities against {SMALL:,}",
            *(costs[most], costs[SMALL], 1.2, "µs an entity"),
        ),
    ]


def _latency_rows(found: Sequence[Latency]) -> list[Row]:
    """Of the largest catalogue against SMALL, and against its own exact search."""
    by = {(one.items, one.share, one.way): one for one in found}
    most = max(one.items for one in found)
    rows = []
    for share in dict.fromkeys(one.share for one in found):
        large, small = by[most, share, "served"], by[SMALL, share, "served"]
        exact, what = by[most, share, "exact"], f"{share:.1%} of {most:,} items"
        ours = large.median_ms
        rows += [
            Row.of(f"latency, {what} against {SMALL:,}", ours, small.median_ms, 3.0, "ms"),
            Row.of(f"latency, {what} against exact", ours, exact.median_ms, None, "ms"),
            Row.of(f"best 100, {what}", large.recall, 1.0, RECALL_BAR, "recall", "higher"),
        ]
    return rows


def _publishing_rows(changes: dict[int, dict[int, float]]) -> list[Row]:
    return [
        Row.of(
            f"publishing {count:,} changed items, {max(spent):,} items against {min(spent):,}",
            *(spent[max(spent)], spent[min(spent)], None, "ms"),
        )
        for count, spent in changes.items()
    ]


def table_of(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title)
    for name in ("what", "ours", "rival", "ratio", "bar", "unit"):
        table.add_column(name, justify="left" if name in {"what", "unit"} else "right")
    for row in rows:
        table.add_row(*cells(row))
    return table


def markdown_of(rows: Sequence[Row]) -> str:
    head = ("what", "ours", "rival", "ratio", "bar", "unit")
    rule = ("---", "--:", "--:", "--:", "--:", "---")
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *map(cells, rows)))


def cells(row: Row) -> tuple[str, ...]:
    sign = "≤" if row.better == "lower" else "≥"
    return (
        row.what,
        f"{row.ours:.3g}",
        f"{row.rival:.3g}",
        f"{row.ratio:.3g}{'' if row.holds else ' missed'}",
        "" if row.bar is None else f"{sign} {row.bar:g}",
        row.unit,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scale", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="within two minutes")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: MovieLens-100K")
    parser.add_argument("--sizes", type=_numbers, help="of catalogues")
    parser.add_argument("--entities", type=_numbers)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seconds", type=float, help="of requests while items come")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, help="seconds of the training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    asked.sizes = asked.sizes or (QUICK_SIZES if asked.quick else SIZES)
    asked.entities = asked.entities or (QUICK_ENTITIES if asked.quick else ENTITIES)
    asked.requests = asked.requests or (20 if asked.quick else 100)
    asked.seconds = asked.seconds or (3.0 if asked.quick else 10.0)
    asked.budget = asked.budget or (10.0 if asked.quick else 30.0)
    config = TrainConfig(seed=asked.seed, budget_seconds=asked.budget)
    data = asked.data or fetch_data(Known.ML_100K)
    weights = trained(read(data), config, asked.cache / "folds")
    measured = asyncio.run(measure(weights, asked))
    rows = rows_of(measured)
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "measured": asdict(measured),
    }
    (asked.results / "scale.json").write_text(json.dumps(content, indent=1))
    draw(measured.latencies, measured.adapting, asked.docs / "images" / "scale.svg")
    page = asked.docs / "performance.md"
    if page.exists():
        page.write_text(_PART.sub(lambda _: f"\n{markdown_of(rows)}\n", page.read_text()))
    Console(width=140).print(table_of(rows, "Scale: one request at a time, adapted on the spot"))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()
