"""MAML beside Meta-SGD on waves of many frequencies, after one step (Li et al. 2017, table 1)."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from benchmarks.verify.row import VerifyRow, mean_and_margin
from benchmarks.verify.sines import (
    META_SGD_FAMILY,
    draw_inputs,
    draw_tasks,
    draw_waves,
    even_inputs,
)
from models.few_shot import (
    OuterLoss,
    Tasks,
    learning_curve,
    maml,
    meta_sgd,
    meta_train,
    split_step_sizes,
    step_sizes,
    with_step_sizes,
)
from models.inner import Params, module_loss
from models.nets import SinusoidNet, initial_parameters

ITERATIONS = 60_000
META_BATCH = 4
INNER_RATE = 0.01
"""Of MAML; Meta-SGD starts from it."""
TEST_TASKS = 1000
TEST_POINTS = 100
PUBLISHED = {5: (1.13, 0.90), 20: (0.71, 0.50)}
"""Query MSE of MAML and Meta-SGD by shots."""
ABOUT = 1.15
"""Their intervals are about 16% wide on either side."""

NET = SinusoidNet()
LOSS = module_loss(NET, mse_loss)


def unseen_tasks(shots: int) -> Tasks:
    generator = torch.Generator().manual_seed(1)
    waves = draw_waves(META_SGD_FAMILY, TEST_TASKS, generator)
    support = draw_inputs(TEST_TASKS, shots, generator)
    query = even_inputs(TEST_TASKS, TEST_POINTS)
    return Tasks((support, waves.at(support)), (query, waves.at(query)))


def after_one_step(params: Params, sizes: Params, shots: int) -> Tensor:
    return learning_curve(LOSS, params, unseen_tasks(shots), [sizes])[:, 1]


def rows(quick: bool) -> list[VerifyRow]:
    return [row for shots in PUBLISHED for row in shot_rows(shots, 10 if quick else ITERATIONS)]


def shot_rows(shots: int, iterations: int) -> list[VerifyRow]:
    start = initial_parameters(NET, torch.Generator().manual_seed(0), deviation=0.01)
    sizes = step_sizes(start, INNER_RATE)

    def train(outer_loss: OuterLoss, slow: Mapping[str, Tensor]) -> dict[str, Tensor]:
        tasks: Generator = torch.Generator().manual_seed(shots)
        return meta_train(
            outer_loss,
            slow,
            lambda: draw_tasks(META_SGD_FAMILY, META_BATCH, shots, tasks),
            iterations,
        )

    fixed = after_one_step(train(maml(LOSS, [sizes]), start), sizes, shots)
    slow = train(meta_sgd(LOSS), with_step_sizes(start, INNER_RATE))
    learned = after_one_step(*split_step_sizes(slow), shots)
    setting = f"frequency 0.8 to 1.2, {iterations:,} iterations"
    found = [
        VerifyRow(
            what=f"wider sinusoid K={shots}: {name}, 1 step",
            setting=setting,
            ours=ours,
            rival=published,
            rival_name="published",
            bar=ABOUT,
            better="lower",
            unit="MSE",
            margin=margin,
            published=published,
        )
        for name, (ours, margin), published in zip(
            ("MAML", "Meta-SGD"),
            map(mean_and_margin, (fixed, learned)),
            PUBLISHED[shots],
            strict=True,
        )
    ]
    return [
        *found,
        VerifyRow(
            what=found[1].what,
            setting=setting,
            ours=found[1].ours,
            rival=found[0].ours,
            rival_name="MAML",
            bar=1.0,
            better="lower",
            unit="MSE",
            margin=found[1].margin,
        ),
    ]
