"""Which interactions say that somebody did not like an item."""

import numpy as np
from numpy.typing import NDArray

LOW = 0.375
"""The part of a scale that means dislike: 1 and 2 of 5 stars. Live ratings are read alike."""
FEWEST_VALUES = 3
"""Of a scale; two different values may be anything."""


def disliked(
    ratings: NDArray[np.float32] | None, weights: NDArray[np.float32] | None
) -> NDArray[np.bool_] | None:
    """[n] by the signs of `weights` [n] where given, else by where `ratings` [n] stand.

    A rating below 0 is a dislike. Otherwise 0 is no rating at all, and dislikes are the lowest part
    of the scale from the least to the largest rating.

    >>> disliked(np.array([1, 2, 3, 5, 0], np.float32), None)
    array([ True,  True, False, False, False])
    """
    if weights is not None:
        return np.less(weights, 0)
    if ratings is None:
        return None
    if (ratings < 0).any():
        return np.less(ratings, 0)
    given = ratings[ratings > 0]
    if len(np.unique(given)) < FEWEST_VALUES:
        return None
    low, high = float(given.min()), float(given.max())
    return np.logical_and(np.greater(ratings, 0), np.less(ratings, low + LOW * (high - low)))
