"""All items and all users with their properties, a page at a time, by id."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.orm import InstrumentedAttribute

from app.domain import Item, User
from app.stores.database import Database
from app.stores.tables import ItemRow, UserRow

PAGE = 5_000
_Entity = TypeVar("_Entity")


def item_pages(database: Database, page: int = PAGE) -> AsyncIterator[list[Item]]:
    """Every page is a snapshot of its own: an item that changes meanwhile is old or new."""

    def item(row: Row[Any]) -> Item:
        return Item(
            row.item_id, row.properties, row.hidden, row.available_from, row.available_until
        )

    return _pages(database, ItemRow, ItemRow.item_id, item, page)


def user_pages(database: Database, page: int = PAGE) -> AsyncIterator[list[User]]:
    """As `item_pages`."""
    return _pages(
        database, UserRow, UserRow.user_id, lambda row: User(row.user_id, row.properties), page
    )


async def _pages(
    database: Database,
    table: type[ItemRow | UserRow],
    key: InstrumentedAttribute[str],
    entity: Callable[[Row[Any]], _Entity],
    page: int,
) -> AsyncIterator[list[_Entity]]:
    last: str | None = None
    while True:
        rows = select(table.__table__).order_by(key).limit(page)
        if last is not None:
            rows = rows.where(key > last)
        async with database.read() as connection:
            found = list(await connection.execute(rows))
        if found:
            last = getattr(found[-1], key.key)
            yield [entity(row) for row in found]
        if len(found) < page:
            return
