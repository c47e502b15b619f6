"""A rival tuned on validation users and judged on test users, and how to remember the outcome."""

import json
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.baselines.crowd import Crowd, Floats, Scorer, standardise
from models.baselines.fast import Baseline, fit_popularity
from models.baselines.tuning import Choice, blend, tune
from models.metrics import Judgement, Score, Trials, judge_trials

_LIBRARY = Path(__file__).parents[1]
_CODE = (_LIBRARY / "baselines", _LIBRARY / "data", _LIBRARY / "metrics.py")


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
) -> Judged:
    """Tune on the first of `trials` (validation users), judge on the second (test users)."""
    validation, test = trials
    choices = tune(baseline, crowd, validation, shots)
    judgements: dict[int, Judgement] = {}
    while remaining := [k for k in shots if k not in judgements]:
        setting = choices[remaining[0]].setting
        scorer = (baseline.fit if setting else fit_popularity)(crowd, setting)
        for k in remaining:
            if choices[k].setting == setting:
                score = _blended(scorer, crowd, choices[k])
                judgements[k] = judge_trials(score, test, k, torch.from_numpy(tail))
    return Judged(choices, dict(sorted(judgements.items())))


def remembered(cache: Path | None, key: str, compute: Callable[[], Judged]) -> Judged:
    """What `compute` says, from `cache` if this code has said it before for the same `key`.

    A file that cannot be read is computed and written anew.
    """
    if cache is None:
        return compute()
    digest = blake2b(key.encode(), digest_size=12)
    for place in _CODE:
        for source in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(source.read_bytes())
    path = cache / f"{digest.hexdigest()}.npz"
    try:
        return _load(path)
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile, zlib.error):
        outcome = compute()
        _save(path, outcome)
        return outcome


def _blended(scorer: Scorer, crowd: Crowd, choice: Choice) -> Score:
    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:  # noqa: ARG001
        scores: Floats = standardise(scorer(support))
        return torch.from_numpy(blend(scores, crowd, choice))

    return score


def _save(path: Path, outcome: Judged) -> None:
    choices = {k: asdict(choice) for k, choice in outcome.choices.items()}
    arrays: dict[str, NDArray[np.generic]] = {"choices": np.array(json.dumps(choices))}
    for k, judgement in outcome.judgements.items():
        arrays[f"values {k}"], arrays[f"top {k}"] = judgement.values, judgement.top
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as aside:
        written = Path(aside) / path.name
        with written.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        os.replace(written, path)  # noqa: PTH105  (the atomic one on every system)


def _load(path: Path) -> Judged:
    with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        choices = json.loads(str(arrays["choices"]))
        return Judged(
            {int(k): Choice(**choice) for k, choice in choices.items()},
            {int(k): Judgement(arrays[f"values {k}"], arrays[f"top {k}"]) for k in choices},
        )
