"""What the first users of new items change: whom they reach, and what that costs old items.

    ./run bench first_users DIR [DIR ...] [--seed N] [--budget SECONDS]

For every folder of interactions it trains for users without the held-out items, as `./run bench
new_items` does, and lets these into the lists of held-out users with 0, 1, 3, 10 and 30 users each,
drawn from the training users. Live popularity follows these users either way, at the rate at which
the item is met; *without* that is all, *with* rows follow them too (models.algorithms.company).
Means over the numbers of shots; what comes of it is kept in benchmarks/results/first_users.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_array
from torch import Tensor

from benchmarks.machine import RESULTS, machine
from models import algorithms, evidence
from models.algorithms import company as by_company
from models.config import EvaluateConfig, TrainConfig
from models.data import Dataset, histories, read, split
from models.data.hiding import without_items
from models.evaluate import trained
from models.evidence import Estimate
from models.first_users import company_of, windows
from models.metrics import Judgement
from models.new_items import Arrival, Asked, Way, held_out_items
from models.progress import seldom
from models.shapes import Company

USERS = (0, 1, 3, 10, 30)
SHOTS = (0, 1, 3, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Row:
    """With so many users of every new item; the ratios are with / without."""

    data: str
    users: int
    askers: int
    """Held-out users who wanted a new item."""
    without: float
    """Recall@100 of new items."""
    recall: float
    gained: Estimate
    """Recall with minus without."""
    old: Estimate
    """NDCG@10 of old items, as a ratio."""
    whole: Estimate
    """NDCG@100 of the whole list, as a ratio."""


@dataclass(frozen=True, slots=True, eq=False)
class Newcomers:
    """M new items and their users among U training users, in random order."""

    arrival: Arrival
    users: Sequence[NDArray[np.int64]]
    known: csr_array
    """[U, N] what training users know of old items."""
    events: float
    """Of training users on old items."""

    @classmethod
    def of(cls, arrival: Arrival, seen: Dataset, seed: int) -> "Newcomers":
        past, random = histories(seen, "random", seed), np.random.default_rng(seed)
        train = split(seen, seed).train
        shape = len(past.lengths), len(seen.item_ids)
        everything = csr_array((np.ones(len(past.items)), past.items, past.indptr), shape=shape)
        met = csr_array(arrival.met.astype(np.float64)[train]).tocsc()
        users = [
            random.permutation(some).astype(np.int64)
            for some in np.split(met.indices, met.indptr[1:-1])
        ]
        history = csr_array(everything[train])
        return cls(arrival, users, windows(history, random), float(history.sum()))

    def way(self, most: int, *, follow: bool) -> Way:
        """Their places in lists with at most so many users each; rows `follow` these or do not."""
        weights, content = (
            self.arrival.weights,
            self.arrival.encoders.contents(self.arrival.dataset),
        )
        slow, algorithm = weights.slow, algorithms.get(weights.manifest.algorithm)
        known = content.of(np.flatnonzero(self.arrival.new))
        first = [some[:most] for some in self.users]
        company = company_of(self.known, first)
        told: Company | None = company if follow else None
        rows, kin = algorithm.content_rows(slow, known, told), algorithm.kin(slow, known, told)
        moved = by_company.moved(slow, company) if follow and by_company.is_learned(slow) else None
        part = [len(some) / max(1, len(all_)) for some, all_ in zip(first, self.users, strict=True)]
        of_all = torch.tensor(part, dtype=torch.float64) * self.events
        shift = algorithm.popularity_shift(slow, rows, company.users.double(), of_all).float()

        def place(asked: Asked) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
            of_kin, shares = kin.mean(asked.recalled), kin.shares.sum(1)
            beside = algorithm.recollect_newer(slow, asked.personal, of_kin, shares, moved)
            row = algorithm.score(slow, asked.personal, rows) + shift + beside
            return asked.old, (row, torch.zeros_like(row), torch.zeros_like(row))

        return place


def compared(newcomers: Newcomers, name: str, users: int, seed: int) -> Row:
    """With and without their users, by held-out user, the mean over SHOTS."""
    ways = [newcomers.way(users, follow=follow) for follow in (False, True)]
    trials = newcomers.arrival.trials
    marks = np.full((len(SHOTS), len(trials.users), 6), np.nan)
    for place, shots in enumerate(SHOTS):
        for side, lineup in enumerate(newcomers.arrival.lineups(shots, ways)):
            columns = [mark.double().numpy() for mark in lineup.marks(0.0, 0.0)]
            marks[place, trials.rows(shots), 3 * side : 3 * side + 3] = np.stack(columns, axis=1)
    by_user = Judgement(marks.reshape(-1, 6), np.empty((marks[..., 0].size, 0), np.int64))
    values = by_user.by_user(len(SHOTS)).values
    samples = evidence.resampled_means(values, seed)
    means = np.nanmean(values, axis=0)
    together, old, new = (
        (samples[:, [mark, 3 + mark]], means[[mark, 3 + mark]]) for mark in range(3)
    )
    return Row(
        data=name,
        users=users,
        askers=int((~np.isnan(values[:, 2])).sum()),
        without=float(means[2]),
        recall=float(means[5]),
        gained=_interval(new[0][:, 1] - new[0][:, 0], new[1][1] - new[1][0]),
        old=_interval(old[0][:, 1] / old[0][:, 0], old[1][1] / old[1][0]),
        whole=_interval(together[0][:, 1] / together[0][:, 0], together[1][1] / together[1][0]),
    )


def _interval(samples: NDArray[np.float64], mean: np.float64) -> Estimate:
    low, high = np.percentile(samples, [2.5, 97.5])
    return Estimate(float(mean), float(low), float(high))


def measure(directory: Path, asked: argparse.Namespace) -> list[Row]:
    """For one folder; weights in the cache are used again."""
    dataset = read(directory)
    print(f"{dataset.name}: {dataset.report}", file=sys.stderr)
    training = TrainConfig(seed=asked.seed, budget_seconds=asked.budget)
    hidden = held_out_items(dataset, asked.seed, 0)
    seen = without_items(dataset, hidden)
    tell = seldom(lambda what, done: print(f"  {done:4.0%} {what}", file=sys.stderr))
    weights = trained(seen, training, asked.cache / "folds", tell)
    test = split(seen, asked.seed).test
    arrival = Arrival.of(dataset, hidden, weights, test, EvaluateConfig())
    newcomers = Newcomers.of(arrival, seen, asked.seed)
    return [compared(newcomers, dataset.name, users, asked.seed) for users in USERS]


def table_of(rows: Sequence[Row]) -> Table:
    table = Table(title="First users of new items")
    for name in ("data", "users", "askers", "without", "recall@100", "gained", "old", "whole list"):
        table.add_column(name, justify="left" if name == "data" else "right")
    for row in rows:
        ranges = (f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]" for one in _ranges(row))
        figures = f"{row.without:.4f}", f"{row.recall:.4f}"
        table.add_row(row.data, str(row.users), str(row.askers), *figures, *ranges)
    return table


def _ranges(row: Row) -> tuple[Estimate, Estimate, Estimate]:
    return row.gained, row.old, row.whole


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="first_users", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    rows = [row for directory in asked.data for row in measure(directory, asked)]
    content = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "first_users.json").write_text(json.dumps(content, indent=1))
    Console(width=150).print(table_of(rows))


if __name__ == "__main__":
    main()
