"""For rivals that afford only so many items: they know the most popular ones."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.baselines.crowd import Crowd, Floats, Scorer

HeadScorer: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.bool_]], Floats]
"""Supports [B, k] of places in the head, and which are in the head at all -> scores [B, H]."""


def on_head(crowd: Crowd, score: HeadScorer, elsewhere: Floats) -> Scorer:
    """Scores of all items from `score`, which knows the head; the others get `elsewhere` [N]."""
    place = crowd.head_place

    def everywhere(support: NDArray[np.int64]) -> Floats:
        rows = place[support]
        scores = np.repeat(elsewhere[None], len(support), axis=0)
        scores[:, crowd.head] = score(np.maximum(rows, 0), rows >= 0)
        return scores

    return everywhere
