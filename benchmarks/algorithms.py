"""How every algorithm uses its data, and what it costs.

    ./run bench algorithms DIR [--users 60 250 1000] [--shots 5] [--budget SECONDS]

Trains each algorithm on nested parts of the training users of one data set and judges it on the
same held-out users. Prints a table in Markdown for docs/algorithms.md; draws
docs/images/algorithms.svg; writes benchmarks/results/algorithms.json. What was trained and judged
before is not done again.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from platformdirs import user_cache_path

from benchmarks.algorithms_figure import draw
from benchmarks.algorithms_measured import POPULARITY, Cost, Measured, rows_of, table_of
from benchmarks.machine import DOCS, RESULTS, machine
from models import algorithms
from models.config import EvaluateConfig, TrainConfig
from models.data import Dataset, read
from models.encoders import Encoders
from models.evaluate import evaluate, trained
from models.evidence import Estimate
from models.progress import OnProgress, seldom, stages
from models.report import OURS
from models.shapes import Support
from models.weights import MetaWeights

_TIMES = 50


def measure(dataset: Dataset, asked: argparse.Namespace, tell: OnProgress) -> Measured:
    """Train and judge every algorithm on every number of users."""
    judging = EvaluateConfig(baselines=POPULARITY, shots=(asked.shots,))
    quality: dict[str, dict[int, Estimate]] = {}
    costs: dict[str, Cost] = {}
    sizes: list[int | None] = [*sorted(asked.users), None]
    told = stages(
        tell,
        {
            f"{name}, {size or 'all'} users": size or 2 * max(asked.users)
            for name in algorithms.names()
            for size in sizes
        },
    )
    for name in algorithms.names():
        for size in sizes:
            stage = told[f"{name}, {size or 'all'} users"]
            config = TrainConfig(
                algorithm=name,
                seed=asked.seed,
                training_users=size,
                budget_seconds=asked.budget,
            )
            weights = trained(dataset, config, asked.cache / "folds", stage)
            users = int(weights.manifest.split["train"])
            report = evaluate(dataset, weights, judging, cache=asked.cache / "judgements")
            for method, line in ((OURS, name), (POPULARITY, POPULARITY)):
                found = report.methods[method][asked.shots]["ndcg@10"]
                quality.setdefault(line, {})[users] = found
            if size is None:
                costs[name] = cost(dataset, weights, asked.shots)
    return Measured(dataset.name, asked.shots, quality, costs)


def cost(dataset: Dataset, weights: MetaWeights, shots: int) -> Cost:
    """Sizes of the meta-weights, and the time to adapt the first user to the first items."""
    algorithm, slow = algorithms.get(weights.manifest.algorithm), weights.slow
    profile = Encoders.from_json(weights.manifest.features).profiles(dataset).of([0])
    support = Support(torch.arange(shots)[None], torch.ones(1, shots))
    threads, seconds = torch.get_num_threads(), []
    torch.set_num_threads(1)
    fast = torch.empty(1, 0)
    with torch.no_grad():
        for _ in range(_TIMES):
            began = perf_counter()
            fast = algorithm.adapt(slow, algorithm.prior(slow, profile), support)
            seconds.append(perf_counter() - began)
    torch.set_num_threads(threads)
    return Cost(
        parameters=sum(tensor.numel() for tensor in slow.values()),
        per_item=sum(slow[name].numel() for name in algorithm.per_item) // len(dataset.item_ids),
        megabytes=sum(tensor.nbytes for tensor in slow.values()) / 1e6,
        fast=fast.shape[1],
        milliseconds=1000 * median(seconds),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="algorithms", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--users", type=int, nargs="+", default=[60, 250, 1000], metavar="N")
    parser.add_argument("--shots", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of each training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    dataset = read(asked.data)
    tell = seldom(lambda what, done: print(f"{done:4.0%} {what}", file=sys.stderr))
    measured = measure(dataset, asked, tell)
    draw(measured, asked.docs / "images" / "algorithms.svg")
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "rows": rows_of(measured),
        "costs": {name: asdict(spent) for name, spent in measured.costs.items()},
        "quality": {
            name: {users: asdict(found) for users, found in line.items()}
            for name, line in measured.quality.items()
        },
    }
    (asked.results / "algorithms.json").write_text(json.dumps(content, indent=1))
    print(table_of(measured))


if __name__ == "__main__":
    main()
