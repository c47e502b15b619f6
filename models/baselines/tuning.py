"""Choose a rival's setting and its blend with popularity, per number of shots."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import torch

from models.baselines.baseline import Baseline, Setting
from models.baselines.crowd import Crowd, Floats, standardise
from models.metrics import Question, Trials, ndcg_at_10
from models.progress import OnProgress, silent

TUNING_USERS = 600
"""More validation users than this do not change a choice; the first so many are taken."""
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation chose for one baseline at one number of shots."""

    setting: Setting
    popularity: Literal["log", "linear", "only"]
    """Form of the popularity added to the scores; `only`: nothing beats popularity itself."""
    weight: float
    ndcg: float
    """On validation users; NaN where none has so many shots."""


POPULARITY_ONLY = Choice({}, "only", 0.0, float("nan"))


def tune(
    baseline: Baseline,
    crowd: Crowd,
    trials: Trials,
    shots: Iterable[int],
    tell: OnProgress = silent,
) -> dict[int, Choice]:
    """The best setting and popularity blend at every number of shots, by NDCG@10 of `trials`.

    Where no user of `trials` has so many shots, the choice for fewer shots is kept.
    """
    rows = {k: trials.rows(k)[:TUNING_USERS] for k in shots}
    asked = {k: trials.question(row) for k, row in rows.items() if len(row)}
    best = {k: _popularity_alone(crowd, question) for k, question in asked.items()}
    for setting, scorer in baseline.scorers(crowd, baseline.settings, tell):
        for k, question in asked.items():
            if k == 0:
                continue
            scores = standardise(scorer(trials.support(rows[k], k)))
            for choice in _blends(crowd, setting):
                blended = torch.from_numpy(blend(scores, crowd, choice))
                ndcg = float(ndcg_at_10(blended, question).mean())
                if ndcg > best[k].ndcg:
                    best[k] = Choice(setting, choice.popularity, choice.weight, ndcg)
    chosen: dict[int, Choice] = {}
    for k in sorted(rows):
        previous = next(reversed(chosen.values()), POPULARITY_ONLY)
        chosen[k] = best.get(
            k, Choice(previous.setting, previous.popularity, previous.weight, float("nan"))
        )
    return chosen


def blend(scores: Floats, crowd: Crowd, choice: Choice) -> Floats:
    """[B, N] standardised scores and popularity, as chosen."""
    if choice.popularity == "only":
        return np.repeat(crowd.popularity["log"][None], len(scores), axis=0)
    return scores + np.float32(choice.weight) * crowd.popularity[choice.popularity]


def _popularity_alone(crowd: Crowd, question: Question) -> Choice:
    scores = torch.from_numpy(crowd.popularity["log"]).expand(len(question.wanted), -1)
    return Choice({}, "only", 0.0, float(ndcg_at_10(scores, question).mean()))


def _blends(crowd: Crowd, setting: Setting) -> Iterable[Choice]:
    yield Choice(setting, "log", 0.0, float("nan"))
    for form, weight in product(crowd.popularity, WEIGHTS[1:]):
        yield Choice(setting, "log" if form == "log" else "linear", weight, float("nan"))
