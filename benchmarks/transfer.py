"""What another domain teaches where hardly anybody has done anything yet.

    ./run bench transfer --from-data DIR --to-data DIR [--users 0,10,100,1000] [--budget SECONDS]

Learns the domain of one folder, then serves that of another after so many users of history, who are
the same in every way of learning and part of those of the next number:

- popularity: of these users;
- alone: `thaw train`;
- content: `thaw init`, and `thaw train --from` that version;
- transfer: `thaw init --from` the other domain, and `thaw train --from` it.

All are judged on the same held-out users of the second domain by NDCG@10. Results go into
benchmarks/results/transfer/<from>-<to>.json, with a figure into docs/images.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table

from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.transfer_figure import draw
from benchmarks.transfer_history import catalogue_of, first_users
from models.answers import answers
from models.cold_start import start
from models.config import TrainConfig
from models.data import Dataset, read, split
from models.evaluate import trained
from models.evidence import Estimate, estimate, resampled_means
from models.metrics import Score, Trials, judge_trials, tail_items
from models.questions import ask
from models.train import train
from models.weights import MetaWeights, load

WAYS = ("popularity", "alone", "content", "transfer")
SHOTS = (0, 1, 3, 5, 10)
_NDCG = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One way of learning from so many users, asked with so many shots."""

    history: int
    way: str
    shots: int
    users: int
    ndcg: Estimate
    gains: Mapping[str, Estimate]
    """Over the other ways: mean difference by user."""


def measure(source: Dataset, target: Dataset, asked: argparse.Namespace) -> list[Row]:
    """Rows for every number of users of history."""
    config = TrainConfig(seed=asked.seed, budget_seconds=asked.budget)
    trials = ask(target, split(target, asked.seed).test[: asked.test_users], "random", [asked.seed])
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        taught = trained(source, config, asked.cache / "folds")
        for history in asked.users:
            judged = {
                way: judge(target, score, trials)
                for way, score in _ways(target, history, taught, config, folder)
            }
            rows += rows_of(history, judged, asked.seed)
    return rows


def _ways(
    target: Dataset, history: int, taught: MetaWeights, config: TrainConfig, folder: Path
) -> Iterator[tuple[str, Score]]:
    """Every way to learn from the first `history` users."""
    catalogue = catalogue_of(target)
    beginning = load(folder, start(catalogue, folder).version)
    if not history:
        yield "popularity", _equal(target)
        yield "content", answers(target, beginning)[0]
        moved = start(catalogue, folder, taught)
        yield "transfer", answers(target, load(folder, moved.version))[0]
        return
    known = first_users(target, history, config.seed)
    yield "popularity", _popularity(target, known)
    for way, inherited in (("alone", None), ("content", beginning), ("transfer", taught)):
        manifest = train(known, config, folder, inherited=inherited)
        yield way, answers(target, load(folder, manifest.version))[0]


def _equal(target: Dataset) -> Score:
    """Nothing is known: items in the order of their ids."""
    scores = torch.zeros(len(target.item_ids))
    return lambda users, support: scores.expand(len(users), -1)  # noqa: ARG005


def _popularity(target: Dataset, known: Dataset) -> Score:
    counts = np.bincount(known.item, minlength=len(target.item_ids))
    scores = torch.from_numpy(counts).float()
    return lambda users, support: scores.expand(len(users), -1)  # noqa: ARG005


def judge(target: Dataset, score: Score, trials: Trials) -> dict[int, NDArray[np.float64]]:
    """Shots -> [n] NDCG@10 of each user with so many."""
    counts = np.bincount(target.item, minlength=len(target.item_ids)).astype(np.float32)
    tail = torch.from_numpy(tail_items(counts))
    return {k: judge_trials(score, trials, k, tail).values[:, _NDCG] for k in SHOTS}


def rows_of(
    history: int, judged: Mapping[str, Mapping[int, NDArray[np.float64]]], seed: int
) -> list[Row]:
    """Means with 95% intervals, and those of all differences, paired by user."""
    rows: list[Row] = []
    for shots in SHOTS:
        ways = [way for way in WAYS if way in judged]
        values = np.stack([judged[way][shots] for way in ways], axis=1)
        means = resampled_means(values, seed)
        for place, way in enumerate(ways):
            gains = {
                other: estimate(values[:, place] - values[:, n], means[:, place] - means[:, n])
                for n, other in enumerate(ways)
                if n < place
            }
            ndcg = estimate(values[:, place], means[:, place])
            rows.append(Row(history, way, shots, len(values), ndcg, gains))
    return rows


def table_of(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title)
    for name in ("users of history", "way", *(f"{k} shots" for k in SHOTS)):
        table.add_column(name, justify="left" if name == "way" else "right")
    for history, way in dict.fromkeys((row.history, row.way) for row in rows):
        cells = [row for row in rows if (row.history, row.way) == (history, way)]
        table.add_row(str(history), way, *map(_cell, cells), end_section=way == WAYS[-1])
    return table


def _cell(row: Row) -> str:
    """The mean; * where it is above all simpler ways, and no interval of a difference holds 0."""
    better = row.gains and all((gain.low or 0) > 0 for gain in row.gains.values())
    return f"{row.ndcg.mean:.4f}{'*' if better else ' '}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="transfer", description=__doc__.splitlines()[0])
    parser.add_argument("--from-data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--to-data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--users", type=_numbers, default=(0, 10, 100, 1000))
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--test-users", type=int, default=2000, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    source, target = read(asked.from_data), read(asked.to_data)
    rows = measure(source, target, asked)
    name = f"{source.name}-{target.name}"
    path = asked.results / "transfer" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "from": source.name, "to": target.name}
    path.write_text(json.dumps({**content, "rows": [asdict(row) for row in rows]}, indent=1))
    title = f"{source.name} to {target.name}: NDCG@10 of held-out users"
    draw(rows, title, asked.docs / "images" / f"transfer-{name}.svg")
    Console(width=110).print(table_of(rows, title))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()
