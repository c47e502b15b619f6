"""A rival tuned on validation users and judged on test users."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines.baseline import Baseline
from models.baselines.crowd import Crowd, Floats, Scorer, standardise
from models.baselines.tuning import Choice, blend, tune
from models.metrics import Judgement, Score, Trials, judge_trials
from models.progress import OnProgress, part, silent

_TUNING = 0.6
"""About how much of the time goes into tuning; the chosen settings are then fitted again."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """By number of shots: what validation chose, and how the test users were served."""

    choices: Mapping[int, Choice]
    judgements: Mapping[int, Judgement]


def judge_baseline(
    baseline: Baseline,
    crowd: Crowd,
    trials: tuple[Trials, Trials],
    shots: tuple[int, ...],
    tail: NDArray[np.bool_],
    tell: OnProgress = silent,
) -> Judged:
    """Tune on the first of `trials` (validation users), judge on the second (test users)."""
    validation, test = trials
    choices = tune(baseline, crowd, validation, shots, part(tell, 0, _TUNING))
    judgements: dict[int, Judgement] = {}

    def judge(scorer: Scorer, asked: list[int]) -> None:
        for k in asked:
            score = _blended(scorer, crowd, choices[k])
            judgements[k] = judge_trials(score, test, k, torch.from_numpy(tail))

    judge(_nothing(crowd), [k for k in shots if not choices[k].setting])
    chosen = [one for one in baseline.settings if any(c.setting == one for c in choices.values())]
    for setting, scorer in baseline.scorers(crowd, chosen, part(tell, _TUNING, 1)):
        judge(scorer, [k for k in shots if choices[k].setting == setting])
    return Judged(choices, dict(sorted(judgements.items())))


def _nothing(crowd: Crowd) -> Scorer:
    return lambda support: np.zeros((len(support), crowd.items), np.float32)


def _blended(scorer: Scorer, crowd: Crowd, choice: Choice) -> Score:
    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:  # noqa: ARG001
        scores: Floats = standardise(scorer(support))
        return torch.from_numpy(blend(scores, crowd, choice))

    return score
