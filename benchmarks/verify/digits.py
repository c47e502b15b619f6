"""Matching, prototypes, the LSTM rule and LEO tell digits apart that training never saw.

Trained on one half of the ten digits and tested on the other, then the other way round, with 1 and
5 shots. Rival: the nearest class mean of raw pixels on the same tasks. The bar is the ratio where
the paired 95% interval of the difference begins to exclude zero. Published accuracies are those of
5-way miniImageNet, for orientation: another task, but the same order of things.
"""

from collections.abc import Iterable, Sequence
from itertools import cycle

import torch
from torch import Tensor
from torch.optim import Adam

from benchmarks.verify.digit_classifiers import (
    CLASSIFIERS,
    RATE,
    Classifier,
    Slow,
    likelihood_loss,
)
from benchmarks.verify.digit_tasks import MOST_SHOTS, WAYS, test_tasks, training_tasks
from benchmarks.verify.row import VerifyRow, mean_and_margin
from models.few_shot import Tasks, meta_train
from models.metric_learning import closeness, prototypes

HALVES = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
SHOTS = (1, MOST_SHOTS)
ITERATIONS = 400
META_BATCH = 8
TEST_TASKS, AT_ONCE = 1000, 50
PUBLISHED = {
    "matching": (0.436, 0.553),
    "lstm-learner": (0.434, 0.606),
    "prototypical": (0.494, 0.682),
    "leo": (0.618, 0.776),
}
"""Accuracies at 1 and 5 shots."""


def rows(quick: bool) -> list[VerifyRow]:
    found = []
    for name, classifier in CLASSIFIERS.items():
        for learned, unseen in (HALVES, HALVES[::-1]):
            iterations = 2 if quick else ITERATIONS
            slow = train(classifier, learned, iterations)
            found += [
                row(name, slow, unseen, shots, f"{iterations:,} iterations", quick=quick)
                for shots in SHOTS
            ]
    return found


def train(classifier: Classifier, classes: Sequence[int], iterations: int) -> Slow:
    """Slow weights learned from those digits, with 1 and 5 shots by turns."""
    generator = torch.Generator().manual_seed(0)
    start, shots = classifier.start(generator), cycle(SHOTS)

    def outer(slow: Slow, tasks: Tasks) -> Tensor:
        logits, penalty = classifier.answer(slow, tasks, generator)
        return likelihood_loss(logits, tasks.query[1]).mean() + penalty

    def optimiser(values: Iterable[Tensor]) -> Adam:
        named = zip(start, values, strict=True)
        rates = [
            {"params": [value], "lr": classifier.rates.get(name, RATE)} for name, value in named
        ]
        return Adam(rates, fused=True)

    return meta_train(
        outer,
        start,
        lambda: training_tasks(classes, META_BATCH, next(shots), generator),
        iterations,
        optimiser,
        anneal=True,
    )


def row(
    name: str, slow: Slow, unseen: Sequence[int], shots: int, setting: str, *, quick: bool
) -> VerifyRow:
    """One classifier on tasks of the unseen digits, beside the rival."""
    generator = torch.Generator().manual_seed(shots)
    found: list[Tensor] = []
    for _ in range(2 if quick else TEST_TASKS // AT_ONCE):
        tasks = test_tasks(unseen, AT_ONCE, shots, generator)
        ours = CLASSIFIERS[name].answer(slow, tasks, None).logits
        found.append(torch.stack([accuracies(ours, tasks), accuracies(by_mean(tasks), tasks)]))
    ours, rival = torch.cat(found, dim=1)
    mean, margin = mean_and_margin(ours)
    ahead, paired = mean_and_margin(ours - rival)
    theirs = rival.mean().item()
    return VerifyRow(
        what=f"digits {unseen[0]} to {unseen[-1]}, {shots}-shot: {name}",
        setting=f"{setting}; ahead by {ahead:.3f} ±{paired:.3f}; published: miniImageNet",
        ours=mean,
        rival=theirs,
        rival_name="nearest mean of pixels",
        bar=1 + paired / theirs,
        better="higher",
        unit=f"accuracy, {WAYS}-way",
        margin=margin,
        published=PUBLISHED[name][SHOTS.index(shots)],
    )


def by_mean(tasks: Tasks) -> Tensor:
    """[B, M, W] closeness of raw pixels to each class's mean."""
    nothing = torch.zeros(())
    return closeness(tasks.query[0], prototypes(*tasks.support, nothing, nothing))


def accuracies(logits: Tensor, tasks: Tasks) -> Tensor:
    """[B] share of right answers."""
    right = logits.argmax(-1) == tasks.query[1].argmax(-1)
    return right.float().mean(-1)
