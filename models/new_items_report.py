"""How new items fare in full lists, as JSON and as a Markdown table."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import evidence
from models.config import EvaluateConfig
from models.content_similarity import Placing
from models.data import Dataset, Order
from models.evidence import Estimate
from models.metrics import CLAIMABLE_USERS

RECALL, OLD, LIST = "new_recall@100", "old_ndcg@10", "list_ndcg@100"
"""The part of the new items wanted that is in the list; how well old items are ranked with new ones
in between; how good the whole list is."""
SIMILAR, ALONE = "similarity_", "without_new_"
"""Before the name of a measure: of content similarity, and of the lists without new items."""
MEASURES = (
    *(RECALL, SIMILAR + RECALL),
    *(OLD, SIMILAR + OLD, ALONE + OLD),
    *(LIST, SIMILAR + LIST, ALONE + LIST),
)


@dataclass(frozen=True, slots=True)
class InLists:
    """What came of it at one number of shots."""

    users: int
    askers: int
    """Users who wanted any new item: recall is a mean over them."""
    measures: Mapping[str, Estimate]
    gain: Estimate
    """Recall of ours minus that of content similarity, paired by user."""
    ratio: Estimate
    """Of the two."""
    kept: Estimate
    """The part of the old items' NDCG@10 that is left when new ones come."""
    similarity_kept: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItemsReport:
    dataset: str
    order: Order
    seed: int
    versions: tuple[str, ...]
    """Weights that were trained without the new items, one of each fold."""
    new_items: int
    shots: Mapping[int, InLists]
    chosen: Mapping[int, tuple[Mapping[str, Any], ...]]
    """Shots -> what validation chose for content similarity, fold by fold."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; numbers of shots are text, numbers that do not exist are null."""
        content = asdict(self)
        plain: dict[str, Any] = _plain({"weights": content.pop("versions"), **content})
        return plain

    def to_markdown(self) -> str:
        """Recall of new items beside content similarity, and what they cost old ones."""
        names = [
            str(k) if one.askers >= CLAIMABLE_USERS else f"{k} (few)"
            for k, one in self.shots.items()
        ]
        lines = [
            f"**{self.dataset}**: {self.new_items} items that training never saw, in lists of 100,",
            f"95% intervals (support in {self.order} order)",
            "",
            _row("shots", names),
            "|" + "---|" * (len(names) + 1),
            self._line("users who wanted one", lambda one: f"{one.askers}"),
            self._line("recall@100, ours", lambda one: _ranged(one.measures[RECALL])),
            self._line(
                "recall@100, content similarity",
                lambda one: _ranged(one.measures[SIMILAR + RECALL]),
            ),
            self._line("ours minus similarity", lambda one: _ranged(one.gain)),
            self._line("ours / similarity", lambda one: _ranged(one.ratio, 2)),
            self._line("NDCG@10 of old items without new", lambda one: _mean(one, ALONE + OLD)),
            self._line("NDCG@10 of old items, ours", lambda one: _mean(one, OLD)),
            self._line("kept, ours", lambda one: _ranged(one.kept)),
            self._line("kept, content similarity", lambda one: _ranged(one.similarity_kept)),
            self._line("NDCG@100 of all without new", lambda one: _mean(one, ALONE + LIST)),
            self._line("NDCG@100 of all, ours", lambda one: _mean(one, LIST)),
            self._line("NDCG@100 of all, similarity", lambda one: _mean(one, SIMILAR + LIST)),
        ]
        if any("few" in name for name in names):
            few = f"few: less than {CLAIMABLE_USERS} users wanted one, no claim can rest on it."
            lines += ["", few]
        return "\n".join(lines)

    def _line(self, name: str, cell: Callable[[InLists], str]) -> str:
        return _row(name, [cell(one) for one in self.shots.values()])


def pooled(
    dataset: Dataset,
    config: EvaluateConfig,
    seed: int,
    *,
    versions: Sequence[str],
    new_items: int,
    values: Sequence[Mapping[int, NDArray[np.float64]]],
    chosen: Sequence[Mapping[int, Placing]],
) -> NewItemsReport:
    """The users of all folds together; `values` by shots are [users, MEASURES]."""
    shots = sorted({k for one in values for k in one})
    return NewItemsReport(
        dataset=dataset.name,
        order=config.order,
        seed=seed,
        versions=tuple(versions),
        new_items=new_items,
        shots={
            k: _in_lists(np.concatenate([one[k] for one in values if k in one]), seed)
            for k in shots
        },
        chosen={k: tuple(one[k]._asdict() for one in chosen) for k in shots},
    )


def _in_lists(values: NDArray[np.float64], seed: int) -> InLists:
    samples = dict(zip(MEASURES, evidence.resampled_means(values, seed).T, strict=True))
    columns = dict(zip(MEASURES, values.T, strict=True))
    means = {name: evidence.estimate(columns[name], samples[name]) for name in MEASURES}

    def ratio(one: str, other: str) -> Estimate:
        with np.errstate(divide="ignore", invalid="ignore"):
            return _between(
                samples[one] / samples[other], np.float64(means[one].mean) / means[other].mean
            )

    return InLists(
        users=len(values),
        askers=int((~np.isnan(columns[RECALL])).sum()),
        measures=means,
        gain=_between(
            samples[RECALL] - samples[SIMILAR + RECALL],
            means[RECALL].mean - means[SIMILAR + RECALL].mean,
        ),
        ratio=ratio(RECALL, SIMILAR + RECALL),
        kept=ratio(OLD, ALONE + OLD),
        similarity_kept=ratio(SIMILAR + OLD, ALONE + OLD),
    )


def _between(samples: NDArray[np.float64], mean: float) -> Estimate:
    """The mean with the interval of its samples, as far as they are finite."""
    finite = samples[np.isfinite(samples)]
    if not len(finite) or not math.isfinite(mean):
        return Estimate(math.nan)
    low, high = np.percentile(finite, [2.5, 97.5])
    return Estimate(float(mean), float(low), float(high))


def _row(name: str, cells: list[str]) -> str:
    return f"| {' | '.join([name, *cells])} |"


def _ranged(value: Estimate, digits: int = 4) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def _mean(found: InLists, measure: str) -> str:
    return f"{found.measures[measure].mean:.4f}"


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
