"""New items inside everybody's full lists: are they met, and do old ones suffer?

The items that a split holds out are hidden: weights for users are trained as if they did not exist.
Then they come into the catalogue, known by their content alone, and held-out users get lists of old
and new items. Supports and popularity know old items only. The rival places the same items in the
same lists by how like the support they are; see models.content_similarity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms.scoring import personalise
from models.baselines.crowd import Scorer, standardise
from models.config import EvaluateConfig, TrainConfig
from models.content_similarity import (
    SETTINGS,
    ContentSimilarity,
    Placing,
    best_placing,
    completed,
)
from models.data import Dataset, split
from models.data.hiding import without_items
from models.data.transposing import transposed
from models.encoders import Encoders
from models.errors import DataError
from models.evaluate import trained
from models.features import to_csr
from models.metrics import CELLS, SHOTS, Judgement, Trials
from models.new_items_report import NewItemsReport, pooled
from models.newcomers import hidden_samples
from models.placement import Lineup
from models.progress import OnProgress, part, silent
from models.questions import ask
from models.shapes import MOST_SHOTS, Personal, Support
from models.weights import MetaWeights

_TRAINING = 0.6
_MOST_VALIDATING = 100
"""Of one sample of items."""


class Asked(NamedTuple):
    """What is known of B users before new items are placed."""

    support: NDArray[np.int64]
    """[B, k] old items."""
    old: Tensor
    """[B, N] scores of old items."""
    personal: Personal
    recalled: Tensor
    """[B, N'] what was recalled of the trained items, which may be more than the old ones."""


Way: TypeAlias = Callable[[Asked], tuple[Tensor, tuple[Tensor, Tensor, Tensor]]]
"""-> [B, N] scores of old items; row, recalled and reach [B, M] of new ones (models.placement)."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """M items come into the catalogue of N old ones, before the eyes of some users."""

    weights: MetaWeights
    trials: Trials
    """About old items."""
    rows: NDArray[np.int64]
    """[N] where the old items are among the trained ones."""
    met: csr_array
    """[U, M] true where a user met a new item."""
    encoders: Encoders
    dataset: Dataset
    new: NDArray[np.bool_]
    """[N + M]"""

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        new: NDArray[np.bool_],
        weights: MetaWeights,
        users: NDArray[np.int64],
        config: EvaluateConfig,
    ) -> "Arrival":
        """The items marked in `new` come; `weights` were trained on all others at least."""
        seed = int(weights.manifest.split["seed"]) if config.seed is None else config.seed
        old = without_items(dataset, new)
        place = {item: row for row, item in enumerate(weights.item_ids)}
        shape = len(dataset.user_ids), len(dataset.item_ids)
        met = csr_array((np.ones(len(dataset.user), bool), (dataset.user, dataset.item)), shape)
        return cls(
            weights,
            ask(old, users, config.order, range(seed, seed + config.seeds)),
            np.array([place[item] for item in old.item_ids], np.int64),
            csr_array(met[:, np.flatnonzero(new)]),
            Encoders.from_json(weights.manifest.features),
            dataset,
            new,
        )

    def ours(self) -> Way:
        """By the rows, kin and places that training has taught."""
        slow = self.weights.slow
        algorithm = algorithms.get(self.weights.manifest.algorithm)
        content = self.encoders.contents(self.dataset).of(np.flatnonzero(self.new))
        rows, kin = algorithm.content_rows(slow, content), algorithm.kin(slow, content)
        known = kin.shares.sum(1)

        def place(asked: Asked) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
            row = algorithm.score(slow, asked.personal, rows)
            recalled = algorithm.recollect_newer(
                slow, asked.personal, kin.mean(asked.recalled), known, None
            )
            return asked.old, (row, recalled, torch.zeros_like(row))

        return place

    def similar(self, settings: Sequence[Mapping[str, float | str]]) -> list[Way]:
        """By content similarity, one way for each setting."""
        known = to_csr(self.encoders.contents(self.dataset), self.encoders.items.size)
        popularity = self.weights.slow["popularity"].exp().numpy()[self.rows]
        content = ContentSimilarity(known[~self.new], known[self.new], popularity)
        return [_similar(content.scorer(setting)) for setting in settings]

    @torch.no_grad()
    def lineups(self, shots: int, ways: Sequence[Way], most: int | None = None) -> list[Lineup]:
        """Of everybody with so many shots, or the first `most`, for each way; [] for nobody."""
        parts: list[list[Lineup]] = [[] for _ in ways]
        for some, asked in self._asked(self.trials.rows(shots)[:most], shots):
            question = self.trials.question(some)
            wanted = torch.from_numpy(self.met[self.trials.users[some]].toarray())
            for found, way in zip(parts, ways, strict=True):
                old, new = way(asked)
                found.append(Lineup.of(old, question, new, wanted))
        return [Lineup.together(found) for found in parts if found]

    def _asked(
        self, able: NDArray[np.int64], shots: int
    ) -> Iterator[tuple[NDArray[np.int64], Asked]]:
        slow, profiles = self.weights.slow, self.encoders.profiles(self.dataset)
        algorithm = algorithms.get(self.weights.manifest.algorithm)
        trained_rows, kept = algorithm.item_rows(slow), torch.from_numpy(self.rows)
        size = max(1, CELLS // max(len(trained_rows), shots * self.met.shape[1]))
        for start in range(0, len(able), size):
            some = able[start : start + size]
            items = self.trials.support(some, shots)
            slots = torch.zeros(len(some), max(1, min(shots, MOST_SHOTS)), dtype=torch.int64)
            slots[:, :shots] = kept[torch.from_numpy(items[:, -MOST_SHOTS:])]
            used = torch.full(slots.shape, 1.0 if shots else 0.0)
            support, profile = Support(slots, used), profiles.of(self.trials.users[some])
            personal = personalise(algorithm, slow, support, profile)
            found, values = algorithm.recollect(slow, personal, support, profile)
            recalled = torch.zeros(len(some), len(trained_rows)).scatter_add(
                1, found, values.float()
            )
            old = algorithm.score(slow, personal, trained_rows[kept]) + recalled[:, kept]
            yield some, Asked(items, old, personal, recalled)


@dataclass(frozen=True, slots=True, eq=False)
class NewItemsFold:
    """New items of one split in the lists of its test users."""

    version: str
    new_items: int
    values: Mapping[int, NDArray[np.float64]]
    """Shots -> [users, len(models.new_items_report.MEASURES)]"""
    chosen: Mapping[int, Placing]
    """By the rival."""


def evaluate_new_items(
    dataset: Dataset,
    training: TrainConfig,
    folds: Sequence[int],
    workdir: Path,
    config: EvaluateConfig | None = None,
    *,
    on_progress: OnProgress = silent,
) -> NewItemsReport:
    """Hide the test items of each fold, train for users as `training` says, then let them come.

    Weights that an earlier call left in `workdir` for the same data, choices and code are used.
    Whatever side `training` is for, items and users are held out by its seed.

    Raises:
        DataError: no item or user falls into a test part, or no timestamps for the order `time`.
    """
    config, judged = config or EvaluateConfig(), list[NewItemsFold]()
    for number, fold in enumerate(folds):
        name = f"fold {fold + 1}" if len(folds) > 1 else ""
        tell = part(on_progress, number / len(folds), (number + 1) / len(folds), name)
        one = replace(training, side="user", fold=fold, training_users=None)
        hidden = held_out_items(dataset, one.seed, fold)
        seen = without_items(dataset, hidden)
        weights = trained(seen, one, workdir, part(tell, 0, _TRAINING, "training without them"))
        judged.append(
            judge_new_items(dataset, hidden, seen, weights, config, part(tell, _TRAINING, 1))
        )
    return pooled(
        dataset,
        config,
        training.seed,
        versions=[one.version for one in judged],
        new_items=sum(one.new_items for one in judged),
        values=[one.values for one in judged],
        chosen=[one.chosen for one in judged],
    )


def held_out_items(dataset: Dataset, seed: int, fold: int) -> NDArray[np.bool_]:
    """[N] those that weights on the side of items are judged on.

    Raises:
        DataError: there is none.
    """
    items = transposed(dataset)
    test = split(items, seed, fold).test
    if not len(test):
        raise DataError(dataset.name, "no item falls into the test part", "use more data")
    return np.isin(dataset.item_ids, [items.user_ids[item] for item in test])


def judge_new_items(
    dataset: Dataset,
    hidden: NDArray[np.bool_],
    seen: Dataset,
    weights: MetaWeights,
    config: EvaluateConfig,
    tell: OnProgress = silent,
) -> NewItemsFold:
    """Let the `hidden` items of `dataset` come to `weights`, which were trained on `seen`.

    Raises:
        DataError: no user falls into the test part.
    """
    parts = split(seen, int(weights.manifest.split["seed"]), int(weights.manifest.split["fold"]))
    if not len(parts.test):
        raise DataError(dataset.name, "no user falls into the test part", "use more folds or data")
    shots = config.shots or SHOTS
    practice = [
        Arrival.of(seen, mock, weights, parts.validation, replace(config, seeds=1))
        for mock in hidden_samples(len(seen.item_ids), parts.seed)
    ]
    chosen = tuned(practice, shots, part(tell, 0, 0.7, "content similarity"))
    arrival = Arrival.of(dataset, hidden, weights, parts.test, config)
    values = dict[int, NDArray[np.float64]]()
    for done, k in enumerate(shots):
        tell("lists", 0.7 + 0.3 * done / len(shots))
        if found := arrival.lineups(k, [arrival.ours(), *arrival.similar([chosen[k].setting])]):
            ours, similar = found
            values[k] = _by_user(ours, similar, chosen[k], config.seeds)
    return NewItemsFold(weights.version, int(hidden.sum()), values, chosen)


def tuned(
    practice: Sequence[Arrival], shots: Sequence[int], tell: OnProgress = silent
) -> dict[int, Placing]:
    """What serves the rival best at each number of shots, with the items that ours learned from."""
    found = dict[int, Placing]()
    ways = [arrival.similar(SETTINGS) for arrival in practice]
    for done, k in enumerate(shots):
        tell("", done / len(shots))
        samples = [
            arrival.lineups(k, way, _MOST_VALIDATING)
            for arrival, way in zip(practice, ways, strict=True)
        ]
        if samples and all(samples):
            found[k] = best_placing(samples)
    return completed(found, shots)


def _similar(scorer: Scorer) -> Way:
    def place(asked: Asked) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        alike = torch.from_numpy(scorer(asked.support))
        old = torch.from_numpy(standardise(asked.old.float().numpy()))
        return old, (torch.zeros_like(alike), alike, torch.ones_like(alike))

    return place


def _by_user(ours: Lineup, similar: Lineup, placing: Placing, seeds: int) -> NDArray[np.float64]:
    """[users, MEASURES]"""
    mine, theirs = ours.marks(1.0, 0.0), similar.marks(placing.weight, placing.shift)
    alone = ours.without_new()
    columns = (
        *(mine.new, theirs.new),
        *(mine.old, theirs.old, alone.old),
        *(mine.together, theirs.together, alone.together),
    )
    values = torch.stack([column.double() for column in columns], dim=1).numpy()
    return Judgement(values, np.empty((len(values), 0), np.int64)).by_user(seeds).values
