"""`--ignore`: columns that lists may be filtered by, and that say nothing of taste."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar, overload

import typer

if TYPE_CHECKING:
    import polars as pl

    from models.catalogue import Catalogue
    from models.data import Dataset

Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="COLUMN",
        help="Learn nothing from this column of items or users, such as stock; may be repeated.",
    ),
]
Tables = TypeVar("Tables", "Catalogue", "Dataset")


def ignoring(tables: Tables, columns: Sequence[str] | None) -> Tables:
    """`tables` without `columns`. Raises `typer.BadParameter` if neither table has one."""
    if not columns:
        return tables
    there = {
        name for one in (tables.items, tables.users) if one is not None for name in one.columns
    }
    there -= {"item_id", "user_id"}
    if missing := [column for column in columns if column not in there]:
        known = ", ".join(sorted(there)) or "none"
        raise typer.BadParameter(f"there is no column {missing[0]!r} to ignore; there are: {known}")
    items, users = _without(tables.items, columns), _without(tables.users, columns)
    return replace(tables, items=items, users=users)


@overload
def _without(table: "pl.DataFrame", columns: Sequence[str]) -> "pl.DataFrame": ...
@overload
def _without(table: None, columns: Sequence[str]) -> None: ...
def _without(table: "pl.DataFrame | None", columns: Sequence[str]) -> "pl.DataFrame | None":
    return None if table is None else table.drop(columns, strict=False)
