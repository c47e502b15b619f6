"""How shops place new items without learning to: as near as their content is to the support's.

Similarities are standardised, as are the scores of the old items that they stand among; how they
are measured, what they weigh and how high they are lifted is chosen per number of shots.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.algorithms.likeness import Weighing
from models.baselines.baseline import Setting, grid
from models.baselines.crowd import Floats, Scorer, standardise
from models.placement import Lineup, lifted

SETTINGS = grid(values=("weighted", "binary"), idf=(0.5, 1.0), by=("all", "nearest"))
WEIGHTS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SHIFTS = tuple(step / 8 for step in range(-128, 81))
"""In deviations of the old items' scores; ascending."""


class Placing(NamedTuple):
    """What validation chose at one number of shots."""

    setting: Setting
    weight: float
    shift: float
    recall: float
    """Of new items in lists of 100, of validation users; NaN where none has so many shots."""


UNTUNED = Placing(SETTINGS[0], WEIGHTS[0], 0.0, float("nan"))


@dataclass(frozen=True, slots=True, eq=False)
class ContentSimilarity:
    """What is known of N old and M new items, and how popular the old ones are."""

    old: csr_array
    """[N, V] features"""
    new: csr_array
    """[M, V]"""
    popularity: Floats
    """[N] the rate at which users meet each."""

    def scorer(self, setting: Setting) -> Scorer:
        """Supports [B, k] of old items -> [B, M] standardised similarities.

        The sum or the largest of the cosines of tf-idf with the items of the support; for an empty
        support with all items, by their popularity.
        """
        power = 1.0 if setting["values"] == "weighted" else 0.0
        weighing = Weighing.of(self.old, power, float(setting["idf"]))
        old, across = weighing.rows(self.old), csr_array(weighing.rows(self.new).T)
        everyone = csr_array((csr_array(self.popularity[None]) @ old) @ across).toarray()

        def score(support: NDArray[np.int64]) -> Floats:
            entities, shots = support.shape
            if not shots:
                return np.repeat(standardise(everyone), entities, axis=0)
            alike = (old[support.ravel()] @ across).toarray().reshape(entities, shots, -1)
            return standardise(alike.sum(1) if setting["by"] == "all" else alike.max(1))

        return score


def best_placing(samples: Sequence[Sequence[Lineup]]) -> Placing:
    """The most new items met that do old ones no more harm than ours may do.

    Of each sample of new items a lineup for each of SETTINGS.
    """
    placed = (
        Placing(setting, weight, shift, recall)
        for setting, lineups in zip(SETTINGS, zip(*samples, strict=True), strict=True)
        for recall, weight, shift in (lifted(lineups, weight, SHIFTS) for weight in WEIGHTS)
    )
    return max(placed, key=lambda one: one.recall)


def completed(found: Mapping[int, Placing], shots: Iterable[int]) -> dict[int, Placing]:
    """Where nobody could choose, the choice for fewer shots is kept."""
    chosen = dict[int, Placing]()
    for k in sorted(shots):
        previous = next(reversed(chosen.values()), UNTUNED)
        chosen[k] = found.get(k, previous._replace(recall=float("nan")))
    return chosen
