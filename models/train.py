"""Meta-training: episodes -> outer loss -> slow weights, then the gate, then a version on disk."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.optim import Adam

from models import algorithms, checkpoint, weights
from models.algorithms.interface import Slow, Trainable
from models.checkpoint import Standing
from models.config import TrainConfig
from models.cross_fit import cross_fitted
from models.data import Dataset, Histories, Split, histories, split
from models.data.transposing import of_side
from models.dislikes import SignedTrials, learned_weight
from models.encoders import Encoders
from models.episodes import sample, stack
from models.features import load_embedding, to_csr
from models.first_users import FirstUsers
from models.newcomers import Newcomers
from models.progress import OnProgress, silent, stages
from models.provenance import code_digest
from models.shapes import Episode, Features
from models.smoke import smoke
from models.transfer import ByShots, Carry, Experience, begun_lightly
from models.validation import Exam, fit_blends
from models.weights import Facts, Manifest, MetaWeights

ENOUGH_VALIDATION = 30
"""Validation users from which on nobody else is needed to choose after a transfer."""
_CHOICES = {"blends": 2.0, "dislikes": 1.0, "newer items": 3.0, "their first users": 4.0}
"""What is chosen after the outer loop, and about how long it takes beside the rest of it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """After one outer step; `validation_ndcg` is set where a check followed it."""

    step: int
    total_steps: int
    loss: float
    validation_ndcg: float | None
    best: float | None
    seconds: float


def never() -> bool:
    return False


def train(
    dataset: Dataset,
    config: TrainConfig,
    out: Path,
    *,
    inherited: MetaWeights | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_choice: OnProgress = silent,
    stop: Callable[[], bool] = never,
) -> Manifest:
    """Meta-train on the training users of the split and save the best version under `out`.

    On the side of items, items take the place of users here and in the version, and users theirs.
    Validation users decide when to stop and set the blends; test users are never read. The result
    follows from dataset and config alone (on one machine, and unless time or `stop` cut it short).
    An interrupted run leaves a checkpoint in `out`; the same call goes on from there and ends as if
    it had never been interrupted. When `stop()` turns true, the best so far is saved.

    `on_progress` is told of the outer loop, `on_choice` of what validation users choose after it.

    With `inherited`, meta-weights of another domain or of content alone, training starts from what
    carries over, and what is known of the items helps where few users do: see models.transfer.

    Raises:
        DataError: the order is "time" and the data has no timestamps.
        UnknownAlgorithm: no algorithm has the name in the config.
        ExtraMissing: the text embedding needs a package that is not installed.
    """
    dataset = of_side(dataset, config.side)
    parts = split(dataset, config.seed, config.fold, config.training_users)
    algorithm = algorithms.trainable(config.algorithm, config.ranker.for_users(len(parts.train)))
    embedding = load_embedding(config.embedding) if config.embedding else None
    encoders = Encoders.fit(dataset, parts.train, embedding)
    profiles = encoders.profiles(dataset)
    exam = Exam.of(dataset, parts.validation, profiles, config.order, config.seed)
    experience = None if inherited is None else Experience.of(inherited, algorithm, config.side)
    path = out / f".training-{_purpose(dataset, config, inherited)}.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    known = to_csr(profiles.of(parts.train), encoders.users.size)
    carry = None if experience is None else experience.carrying(dataset, encoders, config.seed)
    outer = _OuterLoop(dataset, parts, profiles, known, algorithm, config, exam, carry)
    outer.resume(path)
    ended = False
    while not (ended := outer.has_ended()) and not stop():
        progress = outer.advance()
        if progress.validation_ndcg is not None:
            outer.save(path)
        if on_progress is not None:
            on_progress(progress)
    slow = outer.best
    tell = stages(on_choice, _CHOICES)
    tell["blends"]("", 0.0)
    blends = fit_blends(algorithm, slow, exam)
    if experience is not None and carry is not None:
        crossed = _crossed(dataset, parts, profiles, encoders, algorithm, config, carry)
        blends = experience.beside(blends, crossed, len(parts.train))
    slow |= {name: torch.tensor(values) for name, values in blends.tables.items()}
    tell["dislikes"]("", 0.0)
    told = SignedTrials.of(dataset, exam.trials, profiles)
    slow["dislike_weight"] = torch.tensor(learned_weight(algorithm, slow, told))
    newcomers = Newcomers(
        encoders.contents(dataset), encoders.items.size, outer.counts, len(parts.train)
    )
    likeness = newcomers.likeness(slow, config.seed)
    taught, recalls = newcomers.taught(
        algorithm, slow, exam, config.seed, likeness, tell["newer items"]
    )
    slow = {**slow, **taught}
    if config.side == "user":
        first = FirstUsers(newcomers, likeness, outer.interactions, config.seed)
        slow |= first.taught(algorithm, slow, exam, tell["their first users"])
    manifest = weights.save(
        out,
        slow,
        dataset.item_ids,
        Facts(
            algorithm=algorithm.name,
            retrieval=algorithm.retrieval,
            steps=config.ranker.steps,
            split={
                "seed": parts.seed,
                "fold": parts.fold,
                "train": len(parts.train),
                "validation": len(parts.validation),
                "test": len(parts.test),
            },
            data={
                "name": dataset.name,
                "fingerprint": dataset.fingerprint,
                "users": len(dataset.user_ids),
                "items": len(dataset.item_ids),
                "interactions": len(dataset.user),
            },
            config=asdict(config),
            metrics={
                shots: {**values, **recalls.get(int(shots), {})}
                for shots, values in blends.metrics.items()
            },
            gate=blends.tables["gate"],
            features=encoders.to_json(),
            transferred_from=None if experience is None else experience.version,
            smoke=smoke(algorithm, slow),
        ),
    )
    if ended:
        path.unlink(missing_ok=True)
    return manifest


def _crossed(
    dataset: Dataset,
    parts: Split,
    profiles: Features,
    encoders: Encoders,
    algorithm: Trainable,
    config: TrainConfig,
    carry: Carry,
) -> ByShots:
    """Tables that users who are not held out choose for each other, where few validate."""
    users = np.union1d(parts.train, parts.validation)
    if len(parts.validation) >= ENOUGH_VALIDATION or len(users) < 2:
        return {}
    past, items = histories(dataset, config.order, config.seed), len(dataset.item_ids)

    def begin(some: NDArray[np.int64]) -> Slow:
        met = _interactions(past, some, items)
        return begun_lightly(algorithm, config, carry, met, encoders.users.size)

    def examine(some: NDArray[np.int64]) -> Exam:
        return Exam.of(dataset, some, profiles, config.order, config.seed)

    return cross_fitted(algorithm, begin, examine, users)


class _OuterLoop:
    """The state of one training: slow weights, optimiser, standing, and the best so far."""

    def __init__(
        self,
        dataset: Dataset,
        parts: Split,
        profiles: Features,
        known: csr_array,
        algorithm: Trainable,
        config: TrainConfig,
        exam: Exam,
        carry: Carry | None,
    ) -> None:
        self._began = monotonic()
        self._items = len(dataset.item_ids)
        self._histories = histories(dataset, config.order, config.seed)
        self._users = parts.train[self._histories.lengths[parts.train] > 0]
        self._profiles = profiles
        self._algorithm, self._config, self._exam = algorithm, config, exam
        self.interactions = interactions = _interactions(self._histories, parts.train, self._items)
        self.counts = np.asarray(interactions.sum(0), np.float64).ravel()
        slow = algorithm.initial(interactions, known, config.seed)
        if carry is not None:
            slow = carry(slow, interactions)
        self._slow = slow
        self._learned = {name: self._slow[name] for name in algorithm.rates()}
        for tensor in self._learned.values():
            tensor.requires_grad_()
        self._optimiser = Adam(
            [
                {"params": [self._learned[name]], "lr": rate}
                for name, rate in algorithm.rates().items()
            ]
        )
        self._standing = Standing()
        self._best = self._frozen()
        self._check()

    @property
    def best(self) -> dict[str, Tensor]:
        """All slow weights as they were at the best check."""
        return {**self._slow, **self._best}

    def has_ended(self) -> bool:
        budget = self._config.budget_seconds
        return (
            self._standing.step >= self._config.steps
            or not len(self._exam.trials.users)
            or self._standing.worse >= self._config.patience
            or (budget is not None and self._seconds() >= budget)
        )

    def advance(self) -> Progress:
        """One outer step, and a check where one is due."""
        step = self._standing.step
        random = torch.Generator().manual_seed(_mixed(self._config.seed, step))
        slow = self._algorithm.redraw(self._slow, random)
        loss = self._algorithm.outer_loss(slow, self._episode(step), random)
        for group, rate in zip(
            self._optimiser.param_groups, self._algorithm.rates().values(), strict=True
        ):
            group["lr"] = rate * (1 - step / self._config.steps)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        self._optimiser.step()
        self._standing = replace(self._standing, step=step + 1)
        due = (step + 1) % self._config.check_every == 0 or step + 1 == self._config.steps
        return Progress(
            step=step + 1,
            total_steps=self._config.steps,
            loss=loss.item(),
            validation_ndcg=self._check() if due else None,
            best=self._standing.best,
            seconds=self._seconds(),
        )

    def save(self, path: Path) -> None:
        state = {
            f"{index}.{name}": value
            for index, values in self._optimiser.state_dict()["state"].items()
            for name, value in values.items()
        }
        standing = replace(self._standing, seconds=self._seconds())
        groups = {"learned": self._learned, "best": self._best, "adam": state}
        checkpoint.write(path, standing, groups)

    def resume(self, path: Path) -> None:
        """Go on from the checkpoint at `path`, if there is one."""
        found = checkpoint.read(path)
        if found is None:
            return
        standing, groups = found
        self._standing, self._best = standing, groups["best"]
        self._began = monotonic() - standing.seconds
        with torch.no_grad():
            for name, tensor in self._learned.items():
                tensor.copy_(groups["learned"][name])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in groups["adam"].items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = value
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": state})

    def _check(self) -> float:
        score = self._exam.score(self._algorithm, self._slow)
        self._standing = self._standing.after(score)
        if self._standing.worse == 0:
            self._best = self._frozen()
        return score

    def _frozen(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._learned.items()}

    def _episode(self, step: int) -> Episode:
        order, seed = self._config.order, self._config.seed
        tasks = [
            sample(self._histories, self._users, order, (seed, step, index))
            for index in range(self._config.users)
        ]
        return stack(tasks, self._profiles, self._items)

    def _seconds(self) -> float:
        return monotonic() - self._began


def _interactions(one: Histories, users: NDArray[np.int64], items: int) -> csr_array:
    """[len(users), items] 1 where a user met an item."""
    shape = len(one.lengths), items
    everybody = csr_array((np.ones(len(one.items)), one.items, one.indptr), shape=shape)
    return everybody[users]


def _purpose(dataset: Dataset, config: TrainConfig, inherited: MetaWeights | None) -> str:
    """Names what a run computes; the budget only says when it may rest."""
    code = code_digest("models.train")
    data = f"{dataset.fingerprint} {dataset.tables_digest}"
    aim = {**asdict(config), "budget_seconds": None, "data": data, "code": code}
    aim["inherited"] = None if inherited is None else inherited.manifest.sha256
    return sha256(json.dumps(aim, sort_keys=True).encode()).hexdigest()[:12]


def _mixed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> 1)
