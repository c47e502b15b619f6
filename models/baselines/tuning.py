"""Choose a rival's setting and its blend with popularity, per number of shots."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from models.baselines.baseline import Baseline, Setting
from models.baselines.crowd import Crowd, Floats, Scorer, standardise
from models.baselines.shortlist import blended_ndcg
from models.metrics import CELLS, Trials, ndcg_at_10
from models.progress import OnProgress, silent

TUNING_USERS = 600
"""More validation users than this do not change a choice; the first so many are taken."""
WEIGHTS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


Form: TypeAlias = Literal["log", "linear"]
"""Of the popularity added to the scores."""

BLENDS: tuple[tuple[Form, float], ...] = (
    ("log", 0.0),
    *(("log", weight) for weight in WEIGHTS),
    *(("linear", weight) for weight in WEIGHTS),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation chose for one baseline at one number of shots."""

    setting: Setting
    popularity: Form | Literal["only"]
    """What is added to the scores; `only`: nothing beats popularity itself."""
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
    asked = [k for k, row in rows.items() if len(row)]
    best = {k: _popularity_alone(crowd, trials, rows[k]) for k in asked}
    for setting, scorer in baseline.scorers(crowd, baseline.settings, tell):
        for k in filter(None, asked):
            for (form, weight), ndcg in _blended(scorer, crowd, trials, rows[k], k):
                if ndcg > best[k].ndcg:
                    best[k] = Choice(setting, form, weight, ndcg)
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


def _popularity_alone(crowd: Crowd, trials: Trials, rows: NDArray[np.int64]) -> Choice:
    popular = torch.from_numpy(crowd.popularity["log"])
    marks = [
        ndcg_at_10(popular.expand(len(some), -1), trials.question(some))
        for some in _parts(rows, crowd.items)
    ]
    return Choice({}, "only", 0.0, float(torch.cat(marks).mean()))


def _blended(
    scorer: Scorer, crowd: Crowd, trials: Trials, rows: NDArray[np.int64], k: int
) -> Iterable[tuple[tuple[Form, float], float]]:
    """Every blend with the mean NDCG@10 that it reaches."""
    forms = {name: torch.from_numpy(values) for name, values in crowd.popularity.items()}
    marks = []
    for some in _parts(rows, crowd.items):
        scores = torch.from_numpy(standardise(scorer(trials.support(some, k))))
        marks.append(blended_ndcg(scores, forms, BLENDS, trials.question(some)))
    columns = torch.cat(marks, dim=1)
    return [(one, float(column.mean())) for one, column in zip(BLENDS, columns, strict=True)]


def _parts(rows: NDArray[np.int64], items: int) -> Iterable[NDArray[np.int64]]:
    size = max(1, CELLS // items)
    return (rows[start : start + size] for start in range(0, len(rows), size))
