"""Reptile on sinusoids, as in the demo of its announcement (Nichol et al. 2018).

A net of two tanh layers of 64; every wave is known at 50 even points, which one pass of five
minibatches of ten goes through at rate 0.02; outer rate 0.1 lowered to zero, one wave at a time.
Judged on all 50 points after 32 steps on ten of them, beside the same net pre-trained on all waves
(Adam, batches of 25 waves).
"""

from functools import partial

import torch
from torch import Generator, nn
from torch.nn.functional import mse_loss
from torch.optim import SGD

from benchmarks.verify.row import VerifyRow, mean_and_margin
from benchmarks.verify.sines import REPTILE_FAMILY, draw_waves, even_inputs
from models.few_shot import Tasks, learning_curve, meta_train, pooled, reptile, step_sizes
from models.inner import module_loss
from models.nets import MLP, initial_parameters

ITERATIONS = 30_000
POINTS = 50
SHOTS = 10
INNER_RATE = 0.02
OUTER_RATE = 0.1
TEST_TASKS = 600
TEST_STEPS = 32
WELL_BELOW = 0.5

NET = MLP((1, 64, 64, 1), nn.Tanh)
LOSS = module_loss(NET, mse_loss)


def grid_tasks(count: int, minibatches: int, generator: Generator) -> Tasks:
    """Supports [count, minibatches, 10, 1] of different points; the query is the whole grid."""
    waves = draw_waves(REPTILE_FAMILY, count, generator)
    grid = even_inputs(count, POINTS)
    order = torch.rand(count, POINTS, 1, generator=generator).argsort(1)
    inputs = grid.gather(1, order)[:, : minibatches * SHOTS]
    shape = (count, minibatches, SHOTS, 1)
    return Tasks((inputs.reshape(shape), waves.at(inputs).reshape(shape)), (grid, waves.at(grid)))


def rows(quick: bool) -> list[VerifyRow]:
    iterations = 10 if quick else ITERATIONS
    generator = torch.Generator().manual_seed(0)
    start = initial_parameters(NET, generator)
    step = step_sizes(start, INNER_RATE)
    minibatches = POINTS // SHOTS
    learned = meta_train(
        reptile(LOSS, [step] * minibatches),
        start,
        lambda: grid_tasks(1, minibatches, generator),
        iterations,
        partial(SGD, lr=OUTER_RATE),
        anneal=True,
    )
    pretrained = meta_train(
        pooled(LOSS), start, lambda: grid_tasks(25, minibatches, generator), iterations
    )
    tests = grid_tasks(TEST_TASKS, 1, torch.Generator().manual_seed(1))
    tests = Tasks((tests.support[0][:, 0], tests.support[1][:, 0]), tests.query)
    ours, rival = (
        learning_curve(LOSS, params, tests, [step] * TEST_STEPS)[:, -1]
        for params in (learned, pretrained)
    )
    mean, margin = mean_and_margin(ours)
    return [
        VerifyRow(
            what=f"sinusoid K={SHOTS}: Reptile, {TEST_STEPS} steps",
            setting=f"inner rate {INNER_RATE}, {iterations:,} iterations",
            ours=mean,
            rival=rival.mean().item(),
            rival_name="fine-tuned alike",
            bar=WELL_BELOW,
            better="lower",
            unit="MSE",
            margin=margin,
        )
    ]
