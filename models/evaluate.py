"""Judge meta-weights and strong simple rivals on users that training never saw.

The protocol: held-out users by the hash split that the weights were trained with; per user a pool
of min(50, half of the history) whose first k items are the support, the rest is the query at every
k; the whole catalogue is ranked; rivals are tuned per k, with a popularity blend, on validation
users; differences are paired by user; intervals are 95% by bootstrap; Holm over the table.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import algorithms, evidence
from models.algorithms.scoring import score_items
from models.baselines import SETS, Choice, Crowd, judge_baseline, remembered
from models.config import TrainConfig
from models.data import Dataset, Order, Split, histories, split
from models.errors import DataError, WeightsError
from models.evidence import Difference, Estimate
from models.metrics import (
    CLAIMABLE_USERS,
    PER_USER,
    SHOTS,
    Judgement,
    Score,
    Trials,
    coverage,
    judge_trials,
    tail_items,
)
from models.provenance import code_digest
from models.report import OURS, PRIOR, Report
from models.shapes import Features, Support
from models.train import train
from models.weights import MetaWeights, load

OnProgress: TypeAlias = Callable[[str, int, int], None]
"""What is being done, steps done, steps in all."""

_TUNING_TRIALS, _MOST_DRAWS = 400, 16
"""Few validation users are asked about several shuffles of their history, as training does."""


def evaluate(
    dataset: Dataset,
    weights: MetaWeights,
    *,
    order: Order = "random",
    baselines: str = "fast",
    seed: int | None = None,
    cache: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Judge `weights` on the test users of their split, beside the baselines of a set.

    Args:
        dataset: the data that the weights were trained on.
        weights: the meta-weights to judge.
        order: in which order a history enters the support; `time` needs timestamps.
        baselines: "none", or "fast": popularity, lift, item-kNN, LMMSE, EASE.
        seed: of the random order and of the bootstrap; by default that of the split.
        cache: a folder where the baselines' results are kept for the same data, split and code.
        on_progress: told after each method.

    Raises:
        WeightsError: the weights may have seen the test users.
        DataError: no test user is left, or no timestamps for the order `time`.
        ValueError: there is no such set of baselines.
    """
    fold = _judge_fold(dataset, weights, order, baselines, seed, cache, on_progress)
    return _summarise(dataset, [fold], order, fold.seed)


def evaluate_folds(
    dataset: Dataset,
    config: TrainConfig,
    folds: int,
    workdir: Path,
    *,
    order: Order = "random",
    baselines: str = "fast",
    seed: int | None = None,
    cache: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Train `folds` times, each time holding out other users, and judge all of these together.

    Raises:
        ValueError: `folds` is not in 1..10, or there is no such set of baselines.
        DataError: see `evaluate`.
    """
    if not 1 <= folds <= 10:
        raise ValueError(f"folds must be in 1..10, got {folds}")
    judged = []
    for number in range(folds):
        if on_progress is not None:
            on_progress("training", number, folds)
        manifest = train(dataset, replace(config, fold=number), workdir)
        weights = load(workdir, manifest.version)
        judged.append(_judge_fold(dataset, weights, order, baselines, seed, cache, on_progress))
    return _summarise(dataset, judged, order, judged[0].seed)


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    version: str
    split: Split
    seed: int
    judgements: Mapping[str, Mapping[int, Judgement]]
    """Method -> shots."""
    choices: Mapping[str, Mapping[int, Choice]]
    """Baseline -> shots."""
    validation: Mapping[int, int]
    """Shots -> validation users that chose."""


def _judge_fold(
    dataset: Dataset,
    weights: MetaWeights,
    order: Order,
    baselines: str,
    seed: int | None,
    cache: Path | None,
    on_progress: OnProgress | None,
) -> _Fold:
    if baselines not in SETS:
        raise ValueError(f"no set of baselines {baselines!r}; there are {', '.join(SETS)}")
    parts = _held_out(dataset, weights)
    seed = parts.seed if seed is None else seed
    test = _trials(dataset, parts.test, order, (seed,))
    if not len(test.users):
        raise DataError(dataset.name, "no user falls into the test part", "use more folds or data")
    draws = 1 if order == "time" else -(-_TUNING_TRIALS // max(1, len(parts.validation)))
    seeds = range(seed, seed + min(draws, _MOST_DRAWS))
    validation = _trials(dataset, parts.validation, order, seeds)
    crowd = Crowd(dataset, parts.train)
    tail = tail_items(crowd.counts)
    judgements: dict[str, Mapping[int, Judgement]] = {
        name: {k: judge_trials(score, test, k, torch.from_numpy(tail)) for k in SHOTS}
        for name, score in _ours(weights).items()
    }
    choices: dict[str, Mapping[int, Choice]] = {}
    for done, baseline in enumerate(SETS[baselines]):
        if on_progress is not None:
            on_progress(baseline.name, done, len(SETS[baselines]))
        code = code_digest("models.baselines.judged", "models.data.splitting", baseline.module)
        aim = f"{dataset.fingerprint} {parts.seed} {parts.fold} {order} {seed} {baseline.name}"
        compute = partial(judge_baseline, baseline, crowd, (validation, test), SHOTS, tail)
        result = remembered(cache, f"{aim} {code}", compute)
        judgements[baseline.name], choices[baseline.name] = result.judgements, result.choices
    tuned_on = {k: len(np.unique(validation.users[validation.rows(k)])) for k in SHOTS}
    return _Fold(weights.version, parts, seed, judgements, choices, tuned_on)


def _trials(
    dataset: Dataset, users: NDArray[np.int64], order: Order, seeds: Iterable[int]
) -> Trials:
    """`users` asked once for every seed of the order."""
    pasts = (histories(dataset, order, seed) for seed in seeds)
    items = len(dataset.item_ids)
    return Trials.together([Trials.of(users, past.indptr, past.items, items) for past in pasts])


def _held_out(dataset: Dataset, weights: MetaWeights) -> Split:
    """The split that the weights were trained with, if it can be trusted."""
    manifest = weights.manifest
    if manifest.data.get("fingerprint") != dataset.fingerprint:
        raise WeightsError(
            weights.version,
            f"were trained on other data than {dataset.name!r} is now, so users that seem held "
            "out may have been seen; train on this data first",
        )
    parts = split(dataset, int(manifest.split["seed"]), int(manifest.split["fold"]))
    sizes = {name: len(getattr(parts, name)) for name in ("train", "validation", "test")}
    if {name: manifest.split.get(name) for name in sizes} != sizes:
        raise WeightsError(weights.version, "saw another split of the users than this code makes")
    if weights.item_ids != dataset.item_ids:
        raise WeightsError(weights.version, "rank another catalogue than the data has")
    return parts


def _ours(weights: MetaWeights) -> dict[str, Score]:
    """Adapted to the support; and the prior, that is the same with the inner loop left out."""
    algorithm, slow = algorithms.get(weights.manifest.algorithm), weights.slow
    rows = algorithm.item_rows(slow)

    def adapted(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:
        slots = np.zeros((len(support), max(1, support.shape[1])), np.int64)
        slots[:, : support.shape[1]] = support
        used = torch.full(slots.shape, 1.0 if support.shape[1] else 0.0)
        given, profile = Support(torch.from_numpy(slots), used), Features.none(len(users))
        fast = algorithm.adapt(slow, algorithm.prior(slow, profile), given)
        return score_items(algorithm, slow, rows, fast, given, profile)

    def prior(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:
        entities, shots = support.shape
        fast = algorithm.prior(slow, Features.none(len(users)))
        return algorithm.score(slow, fast, torch.full((entities,), shots), rows)

    return {OURS: torch.no_grad()(adapted), PRIOR: torch.no_grad()(prior)}


def _summarise(dataset: Dataset, folds: Sequence[_Fold], order: Order, seed: int) -> Report:
    names, items = list(folds[0].judgements), len(dataset.item_ids)
    users = {k: sum(len(fold.judgements[OURS][k].top) for fold in folds) for k in SHOTS}
    shots = [k for k in SHOTS if users[k]]
    methods: dict[str, dict[int, dict[str, Estimate]]] = {name: {} for name in names}
    raw: dict[tuple[int, str], tuple[float, NDArray[np.float64]]] = {}
    for k in shots:
        values = {
            name: np.concatenate([f.judgements[name][k].values for f in folds]) for name in names
        }
        means = evidence.resampled_means(np.concatenate([*values.values()], axis=1), seed)
        by_name = dict(zip(names, np.split(means, len(names), axis=1), strict=True))
        for name in names:
            top = np.concatenate([fold.judgements[name][k].top for fold in folds])
            methods[name][k] = {
                metric: evidence.estimate(values[name][:, column], by_name[name][:, column])
                for column, metric in enumerate(PER_USER)
            } | {"coverage@10": Estimate(coverage(top, items))}
        for name in names:
            if name != OURS:
                diff = float((values[OURS] - values[name])[:, 0].mean())
                raw[k, name] = diff, by_name[OURS][:, 0] - by_name[name][:, 0]
    against = _compare(raw, methods, {k for k in shots if users[k] >= CLAIMABLE_USERS})
    return Report(
        dataset=dataset.name,
        order=order,
        seed=seed,
        versions=tuple(fold.version for fold in folds),
        users={k: users[k] for k in shots},
        methods=methods,
        rivals=_strongest(folds, shots),
        against=against,
        chosen={
            name: {k: tuple(asdict(fold.choices[name][k]) for fold in folds) for k in shots}
            for name in folds[0].choices
        },
        facts={
            "fingerprint": dataset.fingerprint,
            "split": {"seed": folds[0].split.seed, "folds": [fold.split.fold for fold in folds]},
            "validation_users": {k: sum(fold.validation[k] for fold in folds) for k in shots},
            "margin": evidence.MARGIN,
            "resamples": evidence.RESAMPLES,
        },
    )


def _compare(
    raw: Mapping[tuple[int, str], tuple[float, NDArray[np.float64]]],
    methods: Mapping[str, Mapping[int, Mapping[str, Estimate]]],
    claimable: Iterable[int],
) -> dict[int, dict[str, Difference]]:
    p_values = {key: evidence.p_value(samples) for key, (_, samples) in raw.items()}
    family = [key for key in raw if key[0] in claimable]
    adjusted = dict(zip(family, evidence.holm([p_values[key] for key in family]), strict=True))
    against: dict[int, dict[str, Difference]] = defaultdict(dict)
    for (k, name), (diff, samples) in raw.items():
        low, high = (float(bound) for bound in np.percentile(samples, [2.5, 97.5]))
        corrected = adjusted.get((k, name), 1.0)
        rival = methods[name][k]["ndcg@10"].mean
        against[k][name] = Difference(
            diff,
            low,
            high,
            p_values[k, name],
            corrected,
            evidence.verdict(low, high, corrected, rival),
        )
    return dict(against)


def _strongest(folds: Sequence[_Fold], shots: Iterable[int]) -> dict[int, str]:
    """By shots: the baseline with the best NDCG@10 on the validation users of all folds."""
    strongest: dict[int, str] = {}
    for k in shots:
        judges = [fold for fold in folds if fold.validation[k]]
        total = {
            name: sum(fold.validation[k] * fold.choices[name][k].ndcg for fold in judges)
            for name in folds[0].choices
        }
        if total:
            strongest[k] = max(total, key=lambda name: total[name])
    return strongest
