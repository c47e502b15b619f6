"""Every algorithm beside what its paper reports.

    ./run bench verify [--quick] [--only PART ...] [--figure FILE]

Prints one table; writes benchmarks/results/verify.json and docs/images/sinusoid.svg, a figure of
adapted curves. Exit code 1 where a bar is missed.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.verify.parts import PARTS, measure_all
from benchmarks.verify.row import VerifyRow


def table_of(rows: Sequence[VerifyRow]) -> Table:
    table = Table(title="Measured beside published (± is half of the 95% interval)")
    for name in ("what", "setting", "ours", "published", "held to", "ratio", "bar", ""):
        table.add_column(
            name, justify="left" if name in {"what", "setting", "held to"} else "right"
        )
    for row in rows:
        margin = "" if row.margin is None else f" ±{row.margin:.3f}"
        rival = (
            row.rival_name if row.rival == row.published else f"{row.rival:.3f} {row.rival_name}"
        )
        table.add_row(
            row.what,
            row.setting,
            f"{row.ours:.3f}{margin} {row.unit}",
            "" if row.published is None else f"{row.published:.2f}",
            rival,
            f"{row.ratio:.2f}",
            f"{'≥' if row.better == 'higher' else '≤'} {row.bar:.2f}",
            "[green]✓" if row.passed else "[red]✗",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="verify", description="Measured beside published.")
    parser.add_argument("--quick", action="store_true", help="a few iterations: is it alive?")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--figure",
        type=Path,
        help="default: docs/images/sinusoid.svg; with --quick among the results",
    )
    asked = parser.parse_args(arguments)
    begun = time.monotonic()
    folder = asked.results if asked.quick else DOCS / "images"
    rows = measure_all(asked.only, asked.figure or folder / "sinusoid.svg", asked.quick)
    Console(width=160).print(table_of(rows))
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "quick": asked.quick,
        "seconds": time.monotonic() - begun,
        "rows": [row.to_json() for row in rows],
    }
    name = "verify-quick.json" if asked.quick else "verify.json"
    (asked.results / name).write_text(json.dumps(content, indent=1))
    if not asked.quick and not all(row.passed for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
