"""Interactions as they were before some items came into the catalogue."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Dataset


def without_items(dataset: Dataset, hidden: NDArray[np.bool_]) -> Dataset:
    """The data without the items marked in `hidden` [N]: no row, no property, no interaction.

    All users stay, so that whoever is held out in the one is held out in the other, even those who
    then have met nothing.
    """
    kept = ~hidden
    rows = kept[dataset.item]
    place = np.cumsum(kept) - 1
    gone = _ids(dataset, hidden)
    items = dataset.items
    name = "\0".join([dataset.fingerprint, *gone])
    return replace(
        dataset,
        item_ids=tuple(_ids(dataset, kept)),
        user=dataset.user[rows],
        item=place[dataset.item[rows]].astype(np.int32),
        timestamp=None if dataset.timestamp is None else dataset.timestamp[rows],
        rating=None if dataset.rating is None else dataset.rating[rows],
        disliked=None if dataset.disliked is None else dataset.disliked[rows],
        items=None if items is None else items.filter(~items["item_id"].is_in(gone)),
        fingerprint=blake2b(name.encode(), digest_size=16).hexdigest(),
    )


def _ids(dataset: Dataset, chosen: NDArray[np.bool_]) -> Sequence[str]:
    return [dataset.item_ids[item] for item in np.flatnonzero(chosen)]
