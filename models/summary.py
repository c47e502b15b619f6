"""From judged folds to a report: pooled users, intervals, paired differences, verdicts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from models import evidence
from models.config import EvaluateConfig
from models.data import Dataset
from models.evidence import Difference, Estimate
from models.fold import Fold
from models.metrics import CLAIMABLE_USERS, PER_USER, coverage
from models.report import OURS, Report


def summarise(dataset: Dataset, folds: Sequence[Fold], config: EvaluateConfig) -> Report:
    """Pool the test users of `folds` and compare all methods with ours."""
    seed, names, items = folds[0].seed, list(folds[0].judgements), len(dataset.item_ids)
    asked = folds[0].judgements[OURS]
    users = {k: sum(len(fold.judgements[OURS][k].top) for fold in folds) for k in asked}
    shots = [k for k in asked if users[k]]
    methods: dict[str, dict[int, dict[str, Estimate]]] = {name: {} for name in names}
    raw: dict[tuple[int, str], tuple[float, NDArray[np.float64]]] = {}
    claimable = {k for k in shots if users[k] >= CLAIMABLE_USERS}
    resamples = evidence.enough_resamples(len(claimable) * (len(names) - 1))
    for k in shots:
        values = {
            name: np.concatenate([f.judgements[name][k].values for f in folds]) for name in names
        }
        means = evidence.resampled_means(
            np.concatenate([*values.values()], axis=1), seed, resamples
        )
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
    against = _compare(raw, methods, claimable)
    return Report(
        dataset=dataset.name,
        side=folds[0].side,
        order=config.order,
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
            "seeds": list(range(seed, seed + config.seeds)),
            "validation_users": {k: sum(fold.validation[k] for fold in folds) for k in shots},
            "margin": evidence.MARGIN,
            "resamples": resamples,
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


def _strongest(folds: Sequence[Fold], shots: Iterable[int]) -> dict[int, str]:
    """By shots: the baseline with the best NDCG@10 on the validation users of all folds.

    Where nobody validates a number of shots, the one before decides; without any, there is none.
    """
    strongest: dict[int, str] = {}
    last: str | None = None
    for k in sorted(shots):
        judges = [fold for fold in folds if fold.validation[k]]
        total = {
            name: sum(fold.validation[k] * fold.choices[name][k].ndcg for fold in judges)
            for name in folds[0].choices
        }
        if judges and total:
            last = max(total, key=lambda name: total[name])
        if last is not None:
            strongest[k] = last
    return strongest
