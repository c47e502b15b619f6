"""How new items are met: whom they are for, and whether they reach the right lists.

    ./run bench new_items DIR [DIR ...] [--folds N] [--seed N] [--budget SECONDS]

For every folder of interactions with properties of items it trains on the side of items and judges
audiences, beside the rival that did best on validation items; then it trains for users without the
held-out items and lets them into everybody's lists, beside content similarity. What comes of it is
kept in benchmarks/results/new_items/<set>.json and, as rows, in benchmarks/results/new_items.json.

The bars: an audience not worse than the rival beyond 1%; half as many new items again in lists of
100; a loss of less than 1% for old ones.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from benchmarks.machine import RESULTS, machine
from benchmarks.quality import rows_of
from models.config import EvaluateConfig, TrainConfig
from models.data import read
from models.evaluate import evaluate_folds
from models.evidence import MARGIN
from models.metrics import CLAIMABLE_USERS
from models.new_items import evaluate_new_items
from models.new_items_report import ALONE, OLD, RECALL, SIMILAR, NewItemsReport
from models.progress import seldom
from models.report import Report

MORE_FOUND = 1.5
"""New items in lists of 100, in units of what content similarity brings there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is ours / rival."""

    what: str
    ours: float
    rival: float
    ratio: float
    bar: float
    unit: str
    rival_name: str
    users: int
    better: Literal["higher"] = "higher"


def rows_of_audience(report: Report) -> list[Row]:
    """NDCG@10 of the users named for new items."""
    return [
        Row(
            f"audience, {one.what}",
            *(one.ours, one.rival, one.ratio, one.bar, one.unit, one.rival_name, one.users),
        )
        for one in rows_of(report)
    ]


def rows_of_lists(report: NewItemsReport) -> list[Row]:
    """What new items gain in lists, and what old ones lose."""
    rows = []
    for k, found in report.shots.items():
        means = {name: value.mean for name, value in found.measures.items()}
        what = f"{report.dataset}, {report.order} order, {k} shots"
        if found.askers >= CLAIMABLE_USERS:
            new = means[RECALL], means[SIMILAR + RECALL], found.ratio.mean, MORE_FOUND
            old = means[OLD], means[ALONE + OLD], found.kept.mean, 1 - MARGIN
            rows += [
                Row(f"new in lists, {what}", *new, "recall@100", "similarity", found.askers),
                Row(f"old in lists, {what}", *old, "NDCG@10", "no new items", found.users),
            ]
    return rows


def measure(directory: Path, asked: argparse.Namespace) -> list[Row]:
    """Both parts for one folder; weights and judgements in the cache are used again."""
    dataset = read(directory)
    print(f"{dataset.name}: {dataset.report}", file=sys.stderr)
    training = TrainConfig(side="item", seed=asked.seed, budget_seconds=asked.budget)
    judging, folds = EvaluateConfig(), asked.cache / "folds"
    tell = seldom(lambda what, done: print(f"  {done:4.0%} {what}", file=sys.stderr))
    audience = evaluate_folds(
        *(dataset, training, asked.folds, folds, judging),
        cache=asked.cache / "judgements",
        on_progress=tell,
    )
    users = replace(training, side="user")
    lists = evaluate_new_items(dataset, users, range(asked.folds), folds, judging, on_progress=tell)
    rows = [*rows_of_audience(audience), *rows_of_lists(lists)]
    path = asked.results / "new_items" / f"{dataset.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "audience": audience.to_json(),
        "lists": lists.to_json(),
    }
    path.write_text(json.dumps(content, indent=1))
    print(f"{audience.to_markdown()}\n\n{lists.to_markdown()}\n")
    return rows


def table_of(rows: Sequence[Row]) -> Table:
    table = Table(title="New items")
    for name in ("what", "users", "unit", "ours", "rival", "ratio", "bar"):
        table.add_column(name, justify="left" if name in {"what", "unit"} else "right")
    for row in rows:
        named = f"{row.rival:.4f} {row.rival_name}"
        numbers = f"{row.ours:.4f}", named, f"{row.ratio:.3f}", f"{row.bar:.2f}"
        table.add_row(row.what, str(row.users), row.unit, *numbers)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="new_items", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--folds", type=int, default=1, help="train so often, pool what is asked")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    rows = [row for directory in asked.data for row in measure(directory, asked)]
    content = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    (asked.results / "new_items.json").write_text(json.dumps(content, indent=1))
    Console(width=130).print(table_of(rows))


if __name__ == "__main__":
    main()
