"""All items and all users with their properties, a page at a time, by id."""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Row, Select, select
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

    rows = select(ItemRow).where(ItemRow.deleted.is_(False))
    return _pages(database, rows, ItemRow.item_id, item, page)


def user_pages(database: Database, page: int = PAGE) -> AsyncIterator[list[User]]:
    """As `item_pages`."""

    def user(row: Row[Any]) -> User:
        return User(row.user_id, row.properties)

    return _pages(database, select(UserRow), UserRow.user_id, user, page)


async def _pages(
    database: Database,
    chosen: Select[Any],
    key: InstrumentedAttribute[str],
    entity: Callable[[Row[Any]], _Entity],
    page: int,
) -> AsyncIterator[list[_Entity]]:
    last: str | None = None
    while True:
        rows = chosen.order_by(key).limit(page)
        if last is not None:
            rows = rows.where(key > last)
        async with database.read() as connection:
            found = list(await connection.execute(rows))
        if found:
            last = getattr(found[-1], key.key)
            yield [entity(row) for row in found]
        if len(found) < page:
            return
