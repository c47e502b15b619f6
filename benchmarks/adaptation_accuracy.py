"""What ranking loses because the inner loop sees sampled negatives instead of the catalogue."""

import argparse
import sys

from benchmarks.adaptation_rows import Row
from models.config import EvaluateConfig, RankerConfig, TrainConfig
from models.data import Dataset
from models.evaluate import evaluate, trained
from models.progress import seldom
from models.report import OURS

SHOTS = 5


def accuracy_row(dataset: Dataset, asked: argparse.Namespace) -> Row:
    """Meta-trained and judged twice: with 256 negatives, and with all items."""
    sampled, full = (_ndcg(dataset, size, asked) for size in (256, len(dataset.item_ids)))
    what, rival = f"{dataset.name}, 256 sampled negatives", f"all {len(dataset.item_ids):,} items"
    return Row.of(what, rival, SHOTS, sampled, full, 0.995, "NDCG@10")


def _ndcg(dataset: Dataset, negatives: int, asked: argparse.Namespace) -> float:
    ranker, budget = RankerConfig(negatives=negatives), asked.budget
    if budget is None and asked.quick:
        budget = 15.0
    config = TrainConfig(ranker=ranker, budget_seconds=budget)
    tell = seldom(lambda what, done: print(f"  {done:4.0%} {what}", file=sys.stderr))
    weights = trained(dataset, config, asked.cache / "folds", tell)
    judging = EvaluateConfig(baselines="none", shots=(SHOTS,))
    report = evaluate(dataset, weights, judging, cache=asked.cache / "judgements")
    return report.methods[OURS][SHOTS]["ndcg@10"].mean
