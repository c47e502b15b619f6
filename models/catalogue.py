"""A catalogue that nobody has met yet: a table of items, perhaps one of people."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.data.tables import ID_BYTES, as_text, find_table, load_table
from models.errors import DataError

_LAYOUT = (
    "pass a .parquet or .csv table with a column {key}, or a folder that holds {noun}s.parquet"
)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    name: str
    items: pl.DataFrame
    """Sorted by item_id; at least one."""
    users: pl.DataFrame | None = None

    @property
    def item_ids(self) -> tuple[str, ...]:
        return tuple(self.items["item_id"])


def read_catalogue(items: Path, users: Path | None = None) -> Catalogue:
    """Read a table of items, and one of users where given; each a file or a folder that holds it.

    Raises:
        DataError: a table cannot be read, is empty, or has ids that are missing, too long or not
            unique; says what to do.
    """
    found = _read(items, "item")
    name = items.resolve().name if items.is_dir() else items.stem
    return Catalogue(name, found, None if users is None else _read(users, "user"))


def _read(place: Path, noun: str) -> pl.DataFrame:
    """The table sorted by its ids, which are text."""
    key, layout = f"{noun}_id", _LAYOUT.format(noun=noun, key=f"{noun}_id")
    path = find_table(place, f"{noun}s") if place.is_dir() else place
    if path is None or not path.is_file():
        raise DataError(str(place), f"there is no table of {noun}s", layout)
    table = load_table(path, (key,), layout)
    table = table.with_columns(as_text(table[key], path))
    _check_ids(table[key], path, noun)
    return table.sort(key)


def _check_ids(ids: pl.Series, path: Path, noun: str) -> None:
    usable = ids.is_not_null() & (ids != "") & (ids.str.len_bytes() <= ID_BYTES)
    repeated = ids.filter(ids.is_duplicated()).drop_nulls()
    if ids.is_empty():
        raise DataError(str(path), f"it has no {noun}s", f"every row should be one {noun}")
    if not usable.all():
        reason = f"{(~usable).sum():,} rows have no {ids.name}, or one above {ID_BYTES} bytes"
        raise DataError(str(path), reason, "mend or drop these rows")
    if len(repeated):
        reason = f"{ids.name} {repeated[0]!r} is there more than once"
        raise DataError(str(path), reason, f"every {noun} should have one row")
