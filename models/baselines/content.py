"""Rivals that know what an entity is like, and so answer before anybody has met it.

content-kNN adds up the histories of the training entities that are most like it; the hybrid adds
item-kNN on the support to that. Both are blended with popularity, and tuned per number of shots.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import Tensor

from models.baselines.baseline import Setting, grid
from models.baselines.crowd import Crowd, Floats, standardise
from models.baselines.fast import FAST, fit_item_knn
from models.baselines.judged import Judged
from models.baselines.shortlist import blended_ndcg
from models.baselines.tuning import BLENDS, POPULARITY_ONLY, TUNING_USERS, Choice, blend, tune
from models.data.dataset import Dataset
from models.data.splitting import Order
from models.metrics import CELLS, Judgement, Score, Trials, judge_trials
from models.progress import OnProgress, part, silent

Informed: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]
"""Entities [B] and their supports [B, k] -> scores [B, N]."""

CONTENT_SETTINGS = grid(
    values=("weighted", "binary"), idf=(0.5, 1.0), neighbours=(20, 50, 150, 500), sharpness=(1, 2)
)
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""What item-kNN counts for beside content-kNN."""
ITEM_KNN = next(one for one in FAST if one.name == "item-knn")

_TUNING = 0.8


class DescribedCrowd(Crowd):
    """What training entities did, and what is known of all entities."""

    def __init__(
        self, dataset: Dataset, users: NDArray[np.int64], features: csr_array, order: Order
    ) -> None:
        super().__init__(dataset, users, order)
        self.features, self._trained = features, users

    def like(self, setting: Setting) -> tuple[csr_array, csr_array]:
        """Unit rows of tf-idf: of all entities [U, V], and of the training entities."""
        features = self.features.astype(np.float32)
        if setting["values"] == "binary":
            features.data = np.sign(features.data)
        seen = np.bincount(features[self._trained].indices, minlength=features.shape[1])
        rarity = np.log(self.users / seen.clip(1)) ** float(setting["idf"])
        weighed = csr_array(features @ diags_array(rarity.astype(np.float32)))
        lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(1)).ravel())
        unit = csr_array(diags_array(1 / np.maximum(lengths, np.float32(1e-9))) @ weighed)
        return unit, unit[self._trained]


@dataclass(frozen=True, slots=True)
class ContentBaseline:
    """A way to score entities of which something is known."""

    name: str
    module: str
    """Where it is written: its results are kept while this and what it imports stay the same."""
    tuned: Callable[[DescribedCrowd, Trials, tuple[int, ...], OnProgress], dict[int, Choice]]
    """What is best for validation entities at each number of shots."""
    scorer: Callable[[DescribedCrowd, Setting], Informed]
    effort: float = 1.0

    def check_installed(self) -> None:
        """It needs nothing but Thaw."""


def judge_content(
    baseline: ContentBaseline,
    crowd: DescribedCrowd,
    trials: tuple[Trials, Trials],
    shots: tuple[int, ...],
    tail: NDArray[np.bool_],
    tell: OnProgress = silent,
) -> Judged:
    """Tune on the first of `trials` (validation entities), judge on the second (test entities)."""
    validation, test = trials
    choices = baseline.tuned(crowd, validation, shots, part(tell, 0, _TUNING))
    judgements = dict[int, Judgement]()
    for done, k in enumerate(shots):
        tell("", _TUNING + (1 - _TUNING) * done / len(shots))
        setting = choices[k].setting
        scorer = baseline.scorer(crowd, setting) if setting else _nothing(crowd)
        score = _blended(scorer, crowd, choices[k])
        judgements[k] = judge_trials(score, test, k, torch.from_numpy(tail))
    return Judged(choices, judgements)


def content_knn(crowd: DescribedCrowd, setting: Setting) -> Informed:
    """Histories of the `neighbours` entities of largest cosine c, each counted by c ** sharpness.

    Features are tf-idf, by how much of each there is or by whether there is any.
    """
    everyone, trained = crowd.like(setting)
    neighbours = min(int(setting["neighbours"]), crowd.users)

    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> Floats:  # noqa: ARG001
        alike = torch.from_numpy((everyone[users] @ trained.T).toarray())
        near, who = alike.topk(neighbours, dim=1)
        counted = near.clamp_min(0).numpy() ** float(setting["sharpness"])
        ends = np.arange(len(users) + 1) * neighbours
        shape = len(users), crowd.users
        weights = csr_array((counted.ravel(), who.numpy().ravel(), ends), shape=shape)
        scores: Floats = (weights @ crowd.matrix).toarray()
        return scores

    return score


def hybrid(crowd: DescribedCrowd, setting: Setting) -> Informed:
    """Standardised content-kNN + share * standardised item-kNN on the support."""
    content = content_knn(crowd, setting)
    share = np.float32(setting["share"])
    if not share:
        return content
    near = fit_item_knn(crowd, {**setting, "neighbours": setting["partners"]})

    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> Floats:
        scores: Floats = standardise(content(users, support)) + share * standardise(near(support))
        return scores

    return score


def tune_content(
    crowd: DescribedCrowd, trials: Trials, shots: tuple[int, ...], tell: OnProgress = silent
) -> dict[int, Choice]:
    """The best setting and popularity blend of content-kNN at each number of shots."""
    rows = _rows(trials, shots)
    everyone = np.unique(np.concatenate([*rows.values()]))
    best = dict[int, Choice]()
    for done, setting in enumerate(CONTENT_SETTINGS):
        tell("", done / len(CONTENT_SETTINGS))
        marks = _marks(content_knn(crowd, setting), crowd, trials, everyone, 0)
        for k, some in rows.items():
            _keep(best, k, setting, marks[:, np.isin(everyone, some)])
    return _completed(best, shots)


def tune_hybrid(
    crowd: DescribedCrowd, trials: Trials, shots: tuple[int, ...], tell: OnProgress = silent
) -> dict[int, Choice]:
    """The best share and popularity blend of the best content-kNN and the best item-kNN."""
    contents = tune_content(crowd, trials, shots, part(tell, 0, 0.5))
    nears = tune(ITEM_KNN, crowd, trials, shots, part(tell, 0.5, 0.8))
    best = dict[int, Choice]()
    for k, rows in _rows(trials, shots).items():
        near = nears[k].setting
        for share in SHARES if near else (0.0,):
            partners = {"partners": near["neighbours"]} if near else {}
            setting = {**near, **contents[k].setting, **partners, "share": share}
            _keep(best, k, setting, _marks(hybrid(crowd, setting), crowd, trials, rows, k))
    return _completed(best, shots)


def _rows(trials: Trials, shots: Iterable[int]) -> dict[int, NDArray[np.int64]]:
    """Those that choose at each number of shots, where there are any."""
    rows = {k: trials.rows(k)[:TUNING_USERS] for k in shots}
    return {k: some for k, some in rows.items() if len(some)}


def _marks(
    scorer: Informed, crowd: Crowd, trials: Trials, rows: NDArray[np.int64], k: int
) -> Tensor:
    """[blends, len(rows)] NDCG@10"""
    forms = {name: torch.from_numpy(values) for name, values in crowd.popularity.items()}
    marks = []
    for start in range(0, len(rows), size := max(1, CELLS // crowd.items)):
        some = rows[start : start + size]
        scores = standardise(scorer(trials.users[some], trials.support(some, k)))
        question = trials.question(some)
        marks.append(blended_ndcg(torch.from_numpy(scores), forms, BLENDS, question))
    return torch.cat(marks, dim=1)


def _keep(best: dict[int, Choice], k: int, setting: Setting, marks: Tensor) -> None:
    """Let `setting` with its best blend take the place of what is worse at `k`."""
    place = int(marks.mean(1).argmax())
    form, weight = BLENDS[place]
    found = Choice(setting, form, weight, float(marks[place].mean()))
    if k not in best or found.ndcg > best[k].ndcg:
        best[k] = found


def _completed(best: dict[int, Choice], shots: Iterable[int]) -> dict[int, Choice]:
    """Where nobody could choose, the choice for fewer shots is kept."""
    chosen = dict[int, Choice]()
    for k in sorted(shots):
        previous = next(reversed(chosen.values()), POPULARITY_ONLY)
        chosen[k] = best.get(k, replace(previous, ndcg=float("nan")))
    return chosen


def _nothing(crowd: Crowd) -> Informed:
    return lambda users, support: np.zeros((len(users), crowd.items), np.float32)  # noqa: ARG005


def _blended(scorer: Informed, crowd: Crowd, choice: Choice) -> Score:
    def score(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(blend(standardise(scorer(users, support)), crowd, choice))

    return score


CONTENT = (
    ContentBaseline("content-knn", __name__, tune_content, content_knn, 10.0),
    ContentBaseline("hybrid", __name__, tune_hybrid, hybrid, 20.0),
)
