"""What the database holds, as the tables of docs/data.md, in bounded memory."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

import polars as pl

from app.cli.parquet import ParquetTable
from app.cli.property_columns import PropertyTypes, cells
from app.domain import Entity, Item, Namespace, User
from app.services.export_history import Naming, exported_shots
from app.stores.catalogue_pages import item_pages, user_pages
from app.stores.database import Database
from app.stores.event_log import EventLog

Thing = TypeVar("Thing")
Described: TypeAlias = tuple[str, Mapping[str, object]]
"""An id and properties."""

INTERACTIONS = {
    "user_id": pl.String(),
    "item_id": pl.String(),
    "timestamp": pl.Datetime("ms", "UTC"),
    "weight": pl.Float64(),
}


async def write_interactions(database: Database, folder: Path, naming: Naming) -> int:
    """Write the strongest event of everybody on every item; returns the number of rows."""
    table = ParquetTable(folder, "interactions", INTERACTIONS)
    async for entity, shot in exported_shots(EventLog(database)):
        table.add((naming(entity), shot.item_id, shot.timestamp, shot.weight))
    return table.finish()


async def write_items(database: Database, folder: Path) -> int:
    def told(item: Item) -> Described:
        return item.item_id, item.properties

    return await _write(folder, "item", lambda: item_pages(database), told)


async def write_users(database: Database, folder: Path, naming: Naming) -> int:
    def told(user: User) -> Described:
        return naming(Entity(Namespace.USER, user.user_id)), user.properties

    return await _write(folder, "user", lambda: user_pages(database), told)


async def _write(
    folder: Path,
    noun: str,
    pages: Callable[[], AsyncIterator[list[Thing]]],
    told: Callable[[Thing], Described],
) -> int:
    """A table of ids and properties, read twice: first to learn the types, then to write."""
    key, types = f"{noun}_id", PropertyTypes()
    async for page in pages():
        for thing in page:
            types.learn(told(thing)[1])
    schema = {name: dtype for name, dtype in types.schema().items() if name != key}
    table = ParquetTable(folder, f"{noun}s", {key: pl.String(), **schema})
    async for page in pages():
        for thing in page:
            id_, properties = told(thing)
            table.add((id_, *cells(properties, schema)))
    return table.finish()
