"""How well held-out users are served, beside the strongest rivals: train, evaluate, compare.

    ./run bench quality [DIR ...] [--order time] [--baselines all] [--folds N] [--budget SECONDS]

Trains and judges on every folder of interactions it is given, and keeps what comes of each in
benchmarks/results/quality/<set>-<order>.json: a set is run again only where code, choices or data
have changed. Of everything kept it makes docs/quality.md with a figure for each set,
benchmarks/results/quality.json and a table on the screen. The rival at a number of shots is the
baseline that did best on validation users there; the bar is a loss of at most 1%.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.quality_page import figure_name, page
from models.baselines import SETS
from models.config import EvaluateConfig, TrainConfig
from models.data import Dataset, read
from models.evaluate import evaluate_folds
from models.evidence import MARGIN
from models.figures import draw
from models.progress import seldom
from models.provenance import code_digest
from models.report import OURS, Report

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is ours / rival."""

    what: str
    ours: float
    rival: float
    ratio: float
    bar: float
    better: Literal["higher"]
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


def measure(directory: Path, asked: argparse.Namespace) -> None:
    """Train and judge on one folder, unless that has been done with this code and these choices."""
    dataset = read(directory)
    print(f"{dataset.name}: {dataset.report}", file=sys.stderr)
    training = TrainConfig(seed=asked.seed, order=asked.order, budget_seconds=asked.budget)
    judging = EvaluateConfig(order=asked.order, baselines=asked.baselines, seeds=asked.seeds)
    aim = _aim(dataset, training, judging, asked.folds)
    path = asked.results / "quality" / f"{dataset.name}-{asked.order}.json"
    if path.exists() and json.loads(path.read_text())["aim"] == aim:
        print("  nothing has changed since it was judged", file=sys.stderr)
        return
    report = evaluate_folds(
        dataset,
        training,
        asked.folds,
        asked.cache / "folds",
        judging,
        cache=asked.cache / "judgements",
        on_progress=seldom(lambda what, done: print(f"  {done:4.0%} {what}", file=sys.stderr)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"aim": aim, "machine": machine(), "report": report.to_json()}
    path.write_text(json.dumps(content, indent=1))


def publish(results: Path, docs: Path) -> list[Row]:
    """Make the page, the figures and quality.json of all that is kept."""
    kept = [json.loads(path.read_text()) for path in sorted((results / "quality").glob("*.json"))]
    reports = [Report.of_json(one["report"]) for one in kept]
    rows = [row for report in reports for row in rows_of(report)]
    for report in reports:
        draw(report, docs / "images" / figure_name(report))
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "quality.md").write_text(page(reports, [one["aim"] for one in kept], _code()))
    content = {
        "machine": kept[-1]["machine"] if kept else machine(),
        "rows": [asdict(row) for row in rows],
        "reports": [one["report"] for one in kept],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "quality.json").write_text(json.dumps(content, indent=1))
    return rows


def _aim(dataset: Dataset, training: TrainConfig, judging: EvaluateConfig, folds: int) -> Json:
    """All that a result follows from, as it looks after a way through JSON."""
    aim = {
        "data": f"{dataset.fingerprint} {dataset.tables_digest}",
        "training": asdict(training),
        "judging": asdict(judging),
        "folds": folds,
        "code": _code(),
    }
    plain: Json = json.loads(json.dumps(aim))
    return plain


def _code() -> str:
    return code_digest("models.evaluate")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="quality", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--folds", type=int, default=1, help="train so often, pool the users")
    parser.add_argument("--order", choices=("random", "time"), default="random")
    parser.add_argument("--baselines", choices=tuple(SETS), default="fast")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="ask every user in so many orders")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    for directory in asked.data:
        measure(directory, asked)
        publish(asked.results, asked.docs)
    Console(width=110).print(table_of(publish(asked.results, asked.docs)))


if __name__ == "__main__":
    main()
