"""Adapting to thousands of people a second, beside what its users would do instead.

    ./run bench adaptation [DIR] [--quick] [--threads N]

Ours is what a request pays for that must adapt: prior, inner loop and gate, in double precision as
the engine serves, and in single precision beside it. Rivals are in benchmarks/rivals, each what its
users would write. All run in this process, in turns; medians are compared. The threads are those of
the service: all cores but one, which the event loop needs. Meta-weights are untrained, which costs
the same; catalogues of more than ten thousand items are jittered copies of that many rows. With a
folder of interactions, the accuracy that sampled negatives keep is measured on it too.

Results go into benchmarks/results/adaptation.json, a table into docs/performance.md, and a figure
into docs/images.
"""

import argparse
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from platformdirs import user_cache_path
from rich.console import Console

from benchmarks.adaptation_accuracy import accuracy_row
from benchmarks.adaptation_figure import draw
from benchmarks.adaptation_heads import (
    BAR_SHOTS,
    Rate,
    fold_in_rows,
    full_rows,
    rates,
    reload_rows,
    sampled_rows,
)
from benchmarks.adaptation_modules import module_rows
from benchmarks.adaptation_rows import Row, markdown_of, table_of
from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.turns import Pace
from models.data import read

SHOTS = (1, 5, BAR_SHOTS, 20)
BATCHES = (1, 4, 16, 64, 256, 1024)
QUICK = Pace(3, 0.1)
_PART = re.compile(r"(?<=<!-- adaptation -->\n).*(?=<!-- /adaptation -->)", re.DOTALL)


def measure(asked: argparse.Namespace) -> tuple[list[Row], list[Rate]]:
    pace = QUICK if asked.quick else Pace(asked.rounds, asked.seconds)
    shots = (BAR_SHOTS,) if asked.quick else SHOTS
    rows = [
        *sampled_rows(shots, pace),
        *full_rows(shots, pace),
        *module_rows(shots, pace, compiled=not asked.quick),
        *fold_in_rows(shots, asked.threads, pace),
        *reload_rows(pace),
    ]
    if asked.data is not None:
        rows.append(accuracy_row(read(asked.data), asked))
    return rows, rates(BATCHES, pace)


def publish(rows: Sequence[Row], found: Sequence[Rate], asked: argparse.Namespace) -> None:
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "rates": [rate._asdict() for rate in found],
    }
    (asked.results / "adaptation.json").write_text(json.dumps(content, indent=1))
    draw(rows, found, asked.docs / "images" / "adaptation.svg")
    page = asked.docs / "performance.md"
    if page.exists():
        page.write_text(_PART.sub(lambda _: f"\n{markdown_of(rows)}\n", page.read_text()))


def main(arguments: Sequence[str] | None = None) -> None:
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(prog="adaptation", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="within two minutes")
    parser.add_argument("--threads", type=int, default=max(1, cores - 1))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a turn")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    rows, found = measure(asked)
    publish(rows, found, asked)
    title = f"Adaptation, {asked.threads} of {cores} cores"
    Console(width=140).print(table_of(rows, title))


if __name__ == "__main__":
    main()
