"""Judge weights and rivals on the test users of one split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from models import algorithms
from models.answers import answers
from models.baselines import (
    Baseline,
    Choice,
    Crowd,
    DescribedCrowd,
    Judged,
    Rival,
    judge_baseline,
    judge_content,
    remembered,
    rivals_of,
)
from models.config import EvaluateConfig, Side
from models.data import Dataset, Order, Split, split
from models.encoders import Encoders
from models.errors import DataError, WeightsError
from models.features import to_csr
from models.metrics import POOL, SHOTS, Judgement, Score, Trials, judge_trials, tail_items
from models.progress import OnProgress, part, stages
from models.provenance import code_digest
from models.questions import ask, ask_to_choose
from models.report import OURS, PRIOR
from models.weights import MetaWeights

SHOTS_OF = {"user": SHOTS, "item": tuple(k for k in SHOTS if k <= 10)}
"""What is asked by default on each side."""
OURS_EFFORT = 2.0
"""How long our answers take, about, beside those of a quick rival."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One split, judged."""

    version: str
    side: Side
    split: Split
    seed: int
    """Of the first order in which the test users were asked."""
    judgements: Mapping[str, Mapping[int, Judgement]]
    """Method -> shots -> by user, in the same order for every method."""
    choices: Mapping[str, Mapping[int, Choice]]
    """Baseline -> shots."""
    validation: Mapping[int, int]
    """Shots -> validation users that chose."""


def judge_fold(
    dataset: Dataset,
    weights: MetaWeights,
    config: EvaluateConfig,
    cache: Path | None,
    tell: OnProgress,
) -> Fold:
    """Judge `weights` and the rivals of `config`; what `cache` knows is not judged again.

    `dataset` is seen from the side of the weights.

    Raises:
        WeightsError: the weights may have seen the test users, or lack a tensor.
        DataError: no test user is left, or no timestamps for the order `time`.
        ValueError: there is no such set of baselines.
        ExtraMissing: a baseline needs a package that is not installed.
    """
    algorithms.check_complete(weights.version, weights.manifest.algorithm, weights.slow)
    rivals = rivals_of(config.baselines, weights.side)
    for rival in rivals:
        rival.check_installed()
    parts = _held_out(dataset, weights)
    if not len(parts.test):
        raise DataError(dataset.name, "no user falls into the test part", "use more folds or data")
    seed = parts.seed if config.seed is None else config.seed
    sittings = [
        _Sitting.of(dataset, parts, config, seed, shots, weights.side)
        for shots in _by_pool(config.shots or SHOTS_OF[weights.side])
    ]
    if not any(len(sitting.test.rows(k)) for sitting in sittings for k in sitting.shots):
        raise DataError(
            dataset.name, f"no held-out {weights.side} has so much history", "ask for fewer shots"
        )
    judged: dict[str, list[Judged]] = {}
    for index, sitting in enumerate(sittings):
        share = part(tell, index / len(sittings), (index + 1) / len(sittings))
        for name, outcome in sitting.judge(dataset, weights, rivals, cache, share).items():
            judged.setdefault(name, []).append(outcome)
    return Fold(
        weights.version,
        weights.side,
        parts,
        seed,
        {
            name: {
                k: judgement.by_user(config.seeds)
                for outcome in outcomes
                for k, judgement in outcome.judgements.items()
            }
            for name, outcomes in judged.items()
        },
        {
            rival.name: {k: c for outcome in judged[rival.name] for k, c in outcome.choices.items()}
            for rival in rivals
        },
        {k: sitting.voters(k) for sitting in sittings for k in sitting.shots},
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sitting:
    """What is asked with pools of one size."""

    crowd: Crowd
    validation: Trials
    test: Trials
    shots: tuple[int, ...]
    aim: str
    """All of this in words."""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        parts: Split,
        config: EvaluateConfig,
        seed: int,
        shots: tuple[int, ...],
        side: Side,
    ) -> "_Sitting":
        pool, order = max(POOL, *shots), config.order
        seeds = range(seed, seed + config.seeds)
        return cls(
            _described(dataset, parts, order)
            if side == "item"
            else Crowd(dataset, parts.train, order),
            ask_to_choose(dataset, parts.validation, order, seed, pool),
            ask(dataset, parts.test, order, seeds, pool),
            shots,
            f"{dataset.fingerprint} {parts.seed} {parts.fold} {len(parts.train)} {order} {seeds} "
            f"{shots} {pool}",
        )

    def judge(
        self,
        dataset: Dataset,
        weights: MetaWeights,
        rivals: Iterable[Rival],
        cache: Path | None,
        tell: OnProgress,
    ) -> dict[str, Judged]:
        """By method."""
        told = stages(tell, {OURS: OURS_EFFORT, **{one.name: one.effort for one in rivals}})
        told[OURS]("", 0.0)
        ours, judged = code_digest("models.answers", "models.questions"), {}
        for name, score in zip((OURS, PRIOR), answers(dataset, weights), strict=True):
            key = f"{self.aim} {name} {weights.manifest.sha256} {dataset.tables_digest} {ours}"
            judged[name] = remembered(cache, key, partial(self._judge_ours, score))
        for rival in rivals:
            told[rival.name]("", 0.0)
            key = f"{self.aim} {rival.name} {self._known_to(rival, dataset)}"
            compute = partial(self._judge_rival, rival, told[rival.name])
            judged[rival.name] = remembered(cache, key, compute)
        return judged

    def voters(self, k: int) -> int:
        """How many validation users have so many shots."""
        return len(np.unique(self.validation.users[self.validation.rows(k)]))

    def _known_to(self, rival: Rival, dataset: Dataset) -> str:
        """What its judgement follows from, beside what is asked."""
        code = code_digest("models.baselines.judged", "models.questions", rival.module)
        if isinstance(rival, Baseline):
            return code
        return f"{code} {code_digest('models.encoders')} {dataset.tables_digest}"

    def _judge_rival(self, rival: Rival, tell: OnProgress) -> Judged:
        asked, tail = (self.validation, self.test), tail_items(self.crowd.counts)
        if isinstance(rival, Baseline):
            return judge_baseline(rival, self.crowd, asked, self.shots, tail, tell)
        assert isinstance(self.crowd, DescribedCrowd)
        return judge_content(rival, self.crowd, asked, self.shots, tail, tell)

    def _judge_ours(self, score: Score) -> Judged:
        tail = torch.from_numpy(tail_items(self.crowd.counts))
        return Judged({}, {k: judge_trials(score, self.test, k, tail) for k in self.shots})


def _described(dataset: Dataset, parts: Split, order: Order) -> DescribedCrowd:
    encoders = Encoders.fit(dataset, parts.train)
    features = to_csr(encoders.profiles(dataset), encoders.users.size)
    return DescribedCrowd(dataset, parts.train, features, order)


def _by_pool(shots: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Numbers of shots beyond the pool need a larger one, and leave the other columns alone."""
    columns = tuple(k for k in shots if k <= POOL), tuple(k for k in shots if k > POOL)
    return [column for column in columns if column]


def _held_out(dataset: Dataset, weights: MetaWeights) -> Split:
    """The split that the weights were trained with, if it can be trusted."""
    manifest = weights.manifest
    if manifest.data.get("fingerprint") != dataset.fingerprint:
        raise WeightsError(
            weights.version,
            f"were trained on other data than {dataset.name!r} is now, so users that seem held "
            "out may have been seen; train on this data first",
        )
    seed, fold = int(manifest.split["seed"]), int(manifest.split["fold"])
    parts = split(dataset, seed, fold, manifest.config.get("training_users"))
    sizes = {name: len(getattr(parts, name)) for name in ("train", "validation", "test")}
    if {name: manifest.split.get(name) for name in sizes} != sizes:
        raise WeightsError(weights.version, "saw another split of the users than this code makes")
    if weights.item_ids != dataset.item_ids:
        raise WeightsError(weights.version, "rank another catalogue than the data has")
    return parts
