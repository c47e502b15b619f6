"""Items and users, and the log of changes that every worker follows."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Item, User
from app.stores.database import Database
from app.stores.statements import BulkInsert, chunks
from app.stores.tables import CatalogueChangeRow, CatalogueEpochRow, ItemRow, UserRow

PUT_ITEMS = BulkInsert(
    ItemRow,
    "ON CONFLICT (item_id) DO UPDATE SET properties = excluded.properties, "
    "hidden = excluded.hidden, available_from = excluded.available_from, "
    "available_until = excluded.available_until, epoch = excluded.epoch",
)
NOTE_CHANGES = BulkInsert(CatalogueChangeRow)
PUT_USERS = BulkInsert(
    UserRow, "ON CONFLICT (user_id) DO UPDATE SET properties = excluded.properties"
)


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """What an item has been since `epoch`, as far as ranking is concerned."""

    epoch: int
    item_id: str
    hidden: bool
    available_from: int | None
    available_until: int | None


class Catalogue:
    """Every changed item raises the epoch by one; epochs are in the order of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_items(self, items: Sequence[Item]) -> int:
        """Stores items; of two with one id the last counts. Items that already are so change
        nothing. Returns the epoch at which all of them are in force.
        """
        wanted = {item.item_id: item for item in items}
        async with self._database.write() as connection:
            epoch = await _lock_epoch(connection)
            stored = await _items(connection, list(wanted))
            changed = [
                item
                for key, item in wanted.items()
                if key not in stored or _facts(stored[key]) != _facts(item)
            ]
            return await _store(connection, changed, epoch)

    async def ensure_items(self, item_ids: Sequence[str]) -> int | None:
        """Makes stubs of the items that are unknown.

        Returns:
            The epoch at which they are in force, or None when all were known.
        """
        wanted = list(dict.fromkeys(item_ids))
        async with self._database.read() as connection:
            known = await _items(connection, wanted)
        if len(known) == len(wanted):
            return None
        async with self._database.write() as connection:
            epoch = await _lock_epoch(connection)
            known = await _items(connection, wanted)
            stubs = [Item(item_id) for item_id in wanted if item_id not in known]
            return await _store(connection, stubs, epoch)

    async def get_item(self, item_id: str) -> Item | None:
        async with self._database.read() as connection:
            return (await _items(connection, [item_id])).get(item_id)

    async def epoch(self) -> int:
        async with self._database.read() as connection:
            return (await connection.execute(select(CatalogueEpochRow.epoch))).scalar_one()

    async def changes(self, after: int, limit: int) -> list[CatalogueChange]:
        """Changes newer than the epoch `after`, in order."""
        rows = (
            select(CatalogueChangeRow)
            .where(CatalogueChangeRow.epoch > after)
            .order_by(CatalogueChangeRow.epoch)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [_change(row) for row in await connection.execute(rows)]

    async def all_items(self, page: int = 10_000) -> AsyncIterator[list[CatalogueChange]]:
        """Every item as it stands, by id. Read `epoch` before, and follow `changes` from there:
        a change that is met twice does no harm.
        """
        last: str | None = None
        while True:
            rows = select(ItemRow).order_by(ItemRow.item_id).limit(page)
            if last is not None:
                rows = rows.where(ItemRow.item_id > last)
            async with self._database.read() as connection:
                items = [_change(row) for row in await connection.execute(rows)]
            if items:
                yield items
            if len(items) < page:
                return
            last = items[-1].item_id

    async def properties(
        self, item_ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """The named properties of the items that are known; what an item lacks is left out."""
        async with self._database.read() as connection:
            items = await _items(connection, item_ids)
        return {
            key: {name: item.properties[name] for name in fields if name in item.properties}
            for key, item in items.items()
        }

    async def put_users(self, users: Sequence[User]) -> None:
        """Stores users; of two with one id the last counts."""
        wanted = {user.user_id: user for user in users}
        rows = [(key, _json(wanted[key].properties)) for key in sorted(wanted)]
        async with self._database.write() as connection:
            await PUT_USERS.run(connection, rows)

    async def get_user(self, user_id: str) -> User | None:
        async with self._database.read() as connection:
            rows = select(UserRow).where(UserRow.user_id == user_id)
            row = (await connection.execute(rows)).one_or_none()
        return User(row.user_id, row.properties) if row else None


async def _lock_epoch(connection: AsyncConnection) -> int:
    """The present epoch; until the transaction ends, nobody else can change the catalogue."""
    same = update(CatalogueEpochRow).values(epoch=CatalogueEpochRow.epoch)
    return (await connection.execute(same.returning(CatalogueEpochRow.epoch))).scalar_one()


async def _store(connection: AsyncConnection, items: Sequence[Item], epoch: int) -> int:
    """Writes items, one epoch each, and returns the last epoch."""
    rows = [
        (
            item.item_id,
            _json(item.properties),
            item.hidden,
            item.available_from,
            item.available_until,
            epoch + step,
        )
        for step, item in enumerate(items, start=1)
    ]
    await PUT_ITEMS.run(connection, rows)
    await NOTE_CHANGES.run(connection, [(row[5], row[0], *row[2:5]) for row in rows])
    last = epoch + len(rows)
    if rows:
        await connection.execute(update(CatalogueEpochRow).values(epoch=last))
    return last


async def _items(connection: AsyncConnection, item_ids: Sequence[str]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for chunk in chunks(item_ids):
        for row in await connection.execute(select(ItemRow).where(ItemRow.item_id.in_(chunk))):
            found[row.item_id] = Item(
                row.item_id,
                row.properties,
                row.hidden,
                row.available_from,
                row.available_until,
            )
    return found


def _facts(item: Item) -> tuple[str, bool, int | None, int | None]:
    """What makes an item what it is. As text, for Python takes 1, 1.0 and true for the same."""
    properties = json.dumps(dict(item.properties), sort_keys=True)
    return properties, item.hidden, item.available_from, item.available_until


def _json(properties: Mapping[str, Any]) -> str:
    return json.dumps(dict(properties))


def _change(row: Any) -> CatalogueChange:
    return CatalogueChange(
        row.epoch, row.item_id, row.hidden, row.available_from, row.available_until
    )
