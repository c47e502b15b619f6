"""All items and all users with their properties, a page at a time, by id."""

from collections.abc import AsyncIterator

from sqlalchemy import select

from app.domain import Item, User
from app.stores.database import Database
from app.stores.tables import ItemRow, UserRow

PAGE = 5_000


async def item_pages(database: Database, page: int = PAGE) -> AsyncIterator[list[Item]]:
    """Every page is a snapshot of its own: an item that changes meanwhile is old or new."""
    last: str | None = None
    while True:
        rows = select(ItemRow).order_by(ItemRow.item_id).limit(page)
        if last is not None:
            rows = rows.where(ItemRow.item_id > last)
        async with database.read() as connection:
            items = [
                Item(
                    row.item_id,
                    row.properties,
                    row.hidden,
                    row.available_from,
                    row.available_until,
                )
                for row in await connection.execute(rows)
            ]
        if items:
            yield items
        if len(items) < page:
            return
        last = items[-1].item_id


async def user_pages(database: Database, page: int = PAGE) -> AsyncIterator[list[User]]:
    """As `item_pages`."""
    last: str | None = None
    while True:
        rows = select(UserRow).order_by(UserRow.user_id).limit(page)
        if last is not None:
            rows = rows.where(UserRow.user_id > last)
        async with database.read() as connection:
            users = [User(row.user_id, row.properties) for row in await connection.execute(rows)]
        if users:
            yield users
        if len(users) < page:
            return
        last = users[-1].user_id
