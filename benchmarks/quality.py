"""How well held-out users are served, beside the strongest simple rival: train, evaluate, compare.

    ./run bench quality --data DIR [DIR ...] [--folds N] [--order time] [--budget SECONDS]

Prints one table and writes benchmarks/results/quality.json. The rival of a row is the baseline that
did best on validation users at that number of shots; the bar is a loss of at most 1%.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from models.config import EvaluateConfig, TrainConfig
from models.data import read
from models.evaluate import evaluate_folds
from models.evidence import MARGIN
from models.report import OURS, Report

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is ours / rival."""

    what: str
    ours: float
    rival: float
    ratio: float
    bar: float
    better: str
    unit: str
    rival_name: str
    users: int
    verdict: str
    """On the difference: better, not worse, worse or open; see models.evidence."""


def rows_of(report: Report) -> list[Row]:
    """NDCG@10 at every number of shots that may be claimed."""
    claimable = report.to_json()["claimable"]
    rows = []
    for k, rival in report.rivals.items():
        if claimable[str(k)]:
            ours, theirs = (report.methods[name][k]["ndcg@10"].mean for name in (OURS, rival))
            rows.append(
                Row(
                    what=f"{report.dataset}, {report.order} order, {k} shots",
                    ours=ours,
                    rival=theirs,
                    ratio=ours / theirs,
                    bar=1 - MARGIN,
                    better="higher",
                    unit="NDCG@10",
                    rival_name=rival,
                    users=report.users[k],
                    verdict=report.against[k][rival].verdict,
                )
            )
    return rows


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
    }


def table_of(rows: Sequence[Row]) -> Table:
    table = Table(title="Quality for held-out users (NDCG@10)")
    for name in ("what", "users", "ours", "rival", "ratio", "verdict"):
        table.add_column(name, justify="left" if name in {"what", "verdict"} else "right")
    for row in rows:
        table.add_row(
            row.what,
            str(row.users),
            f"{row.ours:.4f}",
            f"{row.rival:.4f} {row.rival_name}",
            f"{row.ratio:.3f}",
            row.verdict,
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="quality", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--folds", type=int, default=1, help="train so often, pool the users")
    parser.add_argument("--order", choices=("random", "time"), default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw") / "baselines")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    config = TrainConfig(seed=asked.seed, order=asked.order, budget_seconds=asked.budget)
    rows: list[Row] = []
    reports: list[dict[str, Any]] = []
    for directory in asked.data:
        dataset = read(directory)
        print(f"{dataset.name}: {dataset.report}", file=sys.stderr)
        with TemporaryDirectory() as workdir:
            report = evaluate_folds(
                dataset,
                config,
                asked.folds,
                Path(workdir),
                EvaluateConfig(order=asked.order),
                cache=asked.cache,
                on_progress=lambda what, done: print(f"  {done:4.0%} {what}", file=sys.stderr),
            )
        rows += rows_of(report)
        reports.append(report.to_json())
    Console(width=110).print(table_of(rows))
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "rows": [{name: getattr(row, name) for name in Row.__slots__} for row in rows],
        "reports": reports,
    }
    (asked.results / "quality.json").write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
