"""A small table of films, and what an encoder says of single values."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.features import Encoder, to_csr
from models.shapes import Features

FILMS = pl.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(8)],
        "title": ["The Sea", "The Sea II", "A Sea Story", "War", "War, Peace", "Moon", "x", None],
        "genres": [["Drama"], ["Drama", "War"], [], ["War"], ["War", "Drama"], None, ["Noir"], []],
        "year": [1950, 1960, 1970, 1980, 1990, 2000, 2010, None],
        "colour": [True, False, True, True, True, False, None, True],
        "country": ["US", "US", "FR", "FR", "US", "FI", "US", "US"],
        "cast": [{"lead": "A"}] * 8,
        "format": ["film"] * 8,
    }
)


def fitted(name: str, values: Sequence[object], *, min_count: int = 2) -> Encoder:
    """The encoder of a table of one column."""
    ids = [str(n) for n in range(len(values))]
    table = pl.DataFrame({"id": ids, name: values}, strict=False)
    return Encoder.fit(table, "id", min_count=min_count)


def dense(features: Features, size: int) -> NDArray[np.float32]:
    return to_csr(features, size).toarray()


def said(encoder: Encoder, properties: Mapping[str, object]) -> dict[tuple[str, ...], float]:
    """What an encoder makes of one object: the features that are not 0, by their meaning."""
    row = dense(encoder.encode([properties]), encoder.size)[0]
    return {encoder.meanings[n]: round(float(row[n]), 4) for n in np.flatnonzero(row)}


WORDS = ["red sea", "blue moon", "war story", "green hill", "old tree", "new day"]
