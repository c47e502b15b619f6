"""What dislikes do: held-out people whose support holds one, with it counted in three ways.

    ./run bench signals DIR

Trains on a folder whose interactions have ratings or signed weights. Of test users whose support
holds a dislike it asks for what they liked otherwise, and how high what they disliked otherwise
stands, when dislikes count as training found best, as if they were likes, and not at all. Prints a
table in Markdown; writes benchmarks/results/signals.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from benchmarks.machine import RESULTS, machine
from models import algorithms
from models.config import TrainConfig
from models.data import Dataset, read, split
from models.dislikes import SignedTrials
from models.encoders import Encoders
from models.errors import DataError
from models.evaluate import trained
from models.evidence import estimate, resampled_means
from models.metrics import SHOTS
from models.progress import seldom
from models.questions import ask
from models.weights import MetaWeights

LIKES, NOTHING = -1.0, 0.0
OTHERS = {"as likes": LIKES, "not at all": NOTHING}


def signed_trials(dataset: Dataset, weights: MetaWeights) -> SignedTrials:
    known = weights.manifest.split
    parts = split(dataset, known["seed"], known["fold"])
    profiles = Encoders.from_json(weights.manifest.features).profiles(dataset)
    told = SignedTrials.of(dataset, ask(dataset, parts.test, "random", [known["seed"]]), profiles)
    if told is None:
        raise DataError(dataset.name, "nobody dislikes anything", "pass ratings, or signed weights")
    return told


def rows_of(dataset: Dataset, weights: MetaWeights) -> list[dict[str, Any]]:
    """Likes found with dislikes as learned beside the other ways, and dislikes met."""
    told, slow = signed_trials(dataset, weights), weights.slow
    algorithm = algorithms.get(weights.manifest.algorithm)
    weight = float(slow["dislike_weight"])
    rows = []
    for shots in SHOTS[1:]:
        learned = told.marks(algorithm, slow, shots, weight)
        if not len(learned.liked):
            continue
        for name, other in OTHERS.items():
            theirs = told.marks(algorithm, slow, shots, other)
            for what in ("liked", "disliked"):
                ours, rival = (getattr(marks, what).double() for marks in (learned, theirs))
                values = torch.stack([ours, rival, ours - rival], dim=1).numpy()
                found = [
                    estimate(values[:, [column]], resampled_means(values[:, [column]], 0))
                    for column in range(3)
                ]
                rows.append(
                    {
                        "what": f"{dataset.name}, {shots} shots, {what} items, dislikes {name}",
                        "ours": found[0].mean,
                        "rival": found[1].mean,
                        "ratio": found[0].mean / found[1].mean,
                        "difference": found[2].mean,
                        "low": found[2].low,
                        "high": found[2].high,
                        "bar": 0.99 if what == "liked" else 1.0,
                        "better": "higher" if what == "liked" else "lower",
                        "unit": "NDCG@10",
                        "users": len(values),
                        "dislike_weight": weight,
                    }
                )
    return rows


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| what | users | as learned | otherwise | ratio | difference, 95% interval |",
        "|---|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {row['what']} | {row['users']} | {row['ours']:.4f} | {row['rival']:.4f} "
        f"| {row['ratio']:.3f} | {row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] |"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="signals", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="of the training")
    parser.add_argument("--cache", type=Path, default=user_cache_path("thaw"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    dataset = read(asked.data)
    tell = seldom(lambda what, done: print(f"{done:4.0%} {what}", file=sys.stderr))
    config = TrainConfig(seed=asked.seed, budget_seconds=asked.budget)
    rows = rows_of(dataset, trained(dataset, config, asked.cache / "folds", tell))
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": rows}
    (asked.results / "signals.json").write_text(json.dumps(content, indent=1))
    print(f"A dislike weighs {rows[0]['dislike_weight']:g} of a like.\n\n{table_of(rows)}")


if __name__ == "__main__":
    main()
