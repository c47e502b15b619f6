"""Interactions in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What became of the rows of the interactions file: rows = kept + everything dropped."""

    rows: int
    kept: int
    dropped: Mapping[str, int]
    """Reason -> number of rows."""
    notes: tuple[str, ...] = ()
    """Remarks on the items and users tables and on ignored columns."""

    def __str__(self) -> str:
        lines = [f"kept {self.kept:,} of {self.rows:,} interactions"]
        lines += [f"  dropped {count:,}: {reason}" for reason, count in self.dropped.items()]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Interactions as arrays of indices, one row per (user, item), sorted by user, then item."""

    name: str
    user_ids: tuple[str, ...]
    """Index -> id, sorted; the users of the interactions."""
    item_ids: tuple[str, ...]
    """Index -> id, sorted; the union of the interactions and the items table."""
    user: NDArray[np.int32]
    """[n]"""
    item: NDArray[np.int32]
    """[n]"""
    timestamp: NDArray[np.int64] | None
    """[n] milliseconds since 1970 (UTC)."""
    rating: NDArray[np.float32] | None
    """[n]"""
    disliked: NDArray[np.bool_] | None
    """[n] by signed weights, else by ratings; None where neither tells."""
    items: pl.DataFrame | None
    users: pl.DataFrame | None
    fingerprint: str
    """32 hex characters: the same interactions give the same, whatever file they came in."""
    report: ReadReport

    @property
    def tables_digest(self) -> str:
        """Of what is known of users and items, which the fingerprint leaves out."""
        digest = blake2b(digest_size=12)
        for table in (self.users, self.items):
            digest.update(b"-" if table is None else table.write_ipc(None).getvalue())
        return digest.hexdigest()
