"""Items and users. Every worker follows the items by their epoch."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Item, Namespace, Position, User
from app.stores.append import advance, find_positions
from app.stores.database import Database
from app.stores.statements import BulkInsert, Value, chunks
from app.stores.tables import CatalogueEpochRow, CompanyRow, ItemRow, UserRow

PUT_ITEMS = BulkInsert(
    ItemRow,
    "ON CONFLICT (item_id) DO UPDATE SET properties = excluded.properties, "
    "hidden = excluded.hidden, available_from = excluded.available_from, "
    "available_until = excluded.available_until, epoch = excluded.epoch, "
    "unseen = excluded.unseen, deleted = excluded.deleted",
)
PUT_USERS_IF_NEW = BulkInsert(UserRow, "ON CONFLICT DO NOTHING")
PUT_USERS = BulkInsert(
    UserRow,
    "ON CONFLICT (user_id) DO UPDATE SET properties = excluded.properties "
    "WHERE CAST(users.properties AS TEXT) <> CAST(excluded.properties AS TEXT) "
    "RETURNING user_id",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the catalogue has come: its epoch, and the events counted up to a time (ms)."""

    epoch: int
    events: int
    counted_at: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Items as they stand. `after` is where the next page begins, None on the last one, which
    brings its reader to `standing`.
    """

    items: tuple[Item, ...]
    standing: Standing
    after: tuple[int, str] | None


class Catalogue:
    """Every write that changes items raises the epoch; epochs are in the order of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_items(self, items: Sequence[Item]) -> int:
        """Stores items; of two with one id the last counts. Items that already are so change
        nothing. Returns the epoch at which all of them are in force.
        """
        wanted = {item.item_id: item for item in items}
        async with self._database.write() as connection:
            standing = await lock_standing(connection)
            stored = await _items(connection, list(wanted))
            changed = [
                _reopened(item, stored.get(key), standing)
                for key, item in wanted.items()
                if key not in stored or _facts(stored[key]) != _facts(item)
            ]
            return await _store(connection, changed, standing)

    async def change_item(self, item_id: str, change: Callable[[Item], Item]) -> tuple[Item, int]:
        """Stores what `change` makes of the item, or of an empty one. Nobody comes in between.

        Returns:
            The item, and the epoch at which it is in force.
        """
        async with self._database.write() as connection:
            standing = await lock_standing(connection)
            stored = (await _items(connection, [item_id])).get(item_id)
            changed = change(Item(item_id) if stored is None or stored.deleted else stored)
            if stored is not None and _facts(stored) == _facts(changed):
                return stored, standing.epoch
            item = _reopened(changed, stored, standing)
            return item, await _store(connection, [item], standing)

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
            standing = await lock_standing(connection)
            known = await _items(connection, wanted)
            stubs = [
                Item(item_id, unseen=standing.events) for item_id in wanted if item_id not in known
            ]
            return await _store(connection, stubs, standing)

    async def get_item(self, item_id: str) -> Item | None:
        async with self._database.read() as connection:
            item = (await _items(connection, [item_id])).get(item_id)
        return None if item is None or item.deleted else item

    async def changes(self, after: tuple[int, str], limit: int) -> Changes:
        """Items beyond (epoch, item id), in that order. Whoever reads on to the last page has all
        that is new: an item that changes meanwhile comes again.
        """
        place = tuple_(ItemRow.epoch, ItemRow.item_id)
        rows = (
            select(ItemRow, CompanyRow.told)
            .outerjoin(CompanyRow, CompanyRow.item_id == ItemRow.item_id)
            .where(place > tuple_(*after))
            .order_by(ItemRow.epoch, ItemRow.item_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(select(CatalogueEpochRow))).one()
            standing = Standing(row.epoch, row.events, row.counted_at)
            found = (await connection.execute(rows)).all() if row.epoch >= after[0] else ()
        last = (found[-1].epoch, found[-1].item_id) if len(found) == limit else None
        items = (replace(_item(row), company=row.told or "") for row in found)
        return Changes(tuple(items), standing, last)

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

    async def put_users(self, users: Sequence[User]) -> Mapping[Entity, Position]:
        """Stores users; of two with one id the last counts. Where properties change, the user moves
        on in the log. Returns where all of them stand now.
        """
        wanted = {user.user_id: user for user in users}
        rows = [(key, _json(wanted[key].properties)) for key in sorted(wanted)]
        async with self._database.write() as connection:
            changed = await PUT_USERS.run(connection, rows)
            await advance(connection, [_member(str(user_id)) for (user_id,) in changed])
            return await find_positions(connection, map(_member, wanted))

    async def change_user(
        self, user_id: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> tuple[User, Mapping[Entity, Position]]:
        """Stores what `change` makes of a user's properties. Nobody comes in between.

        Returns:
            The user, and where it stands.
        """
        member = _member(user_id)
        async with self._database.write() as connection:
            await PUT_USERS_IF_NEW.run(connection, [(user_id, _json({}))])
            rows = select(UserRow).where(UserRow.user_id == user_id).with_for_update()
            user = User(user_id, change((await connection.execute(rows)).one().properties))
            changed = await PUT_USERS.run(connection, [(user_id, _json(user.properties))])
            await advance(connection, [member] if changed else [])
            return user, await find_positions(connection, [member])

    async def get_user(self, user_id: str) -> User | None:
        async with self._database.read() as connection:
            rows = select(UserRow).where(UserRow.user_id == user_id)
            row = (await connection.execute(rows)).one_or_none()
        return User(row.user_id, row.properties) if row else None


async def lock_standing(connection: AsyncConnection) -> Standing:
    """Until the transaction ends, nobody else can change the catalogue."""
    same = update(CatalogueEpochRow).values(epoch=CatalogueEpochRow.epoch)
    row = (await connection.execute(same.returning(*CatalogueEpochRow.__table__.columns))).one()
    return Standing(row.epoch, row.events, row.counted_at)


async def _store(connection: AsyncConnection, items: Sequence[Item], standing: Standing) -> int:
    """Writes items and returns the epoch of the change."""
    if not items:
        return standing.epoch
    epoch = standing.epoch + 1
    await PUT_ITEMS.run(connection, [item_values(item, epoch) for item in items])
    await connection.execute(update(CatalogueEpochRow).values(epoch=epoch))
    return epoch


def item_values(item: Item, epoch: int) -> tuple[Value, ...]:
    """In the order of the columns of `ItemRow`."""
    return (
        item.item_id,
        _json(item.properties),
        item.hidden,
        item.available_from,
        item.available_until,
        epoch,
        item.events,
        item.unseen,
        item.deleted,
    )


def _reopened(item: Item, stored: Item | None, standing: Standing) -> Item:
    """`item` with the chances it had so far: none while it was closed."""
    was_open = stored is not None and stored.is_open(standing.counted_at)
    opened = item.is_open(standing.counted_at) - was_open
    before = stored.unseen if stored is not None else 0
    return replace(item, events=0, unseen=before + opened * standing.events)


async def _items(connection: AsyncConnection, item_ids: Sequence[str]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for chunk in chunks(item_ids):
        rows = await connection.execute(select(ItemRow).where(ItemRow.item_id.in_(chunk)))
        found.update((row.item_id, _item(row)) for row in rows)
    return found


def _item(row: Row[*tuple[Any, ...]]) -> Item:
    return Item(
        row.item_id,
        row.properties,
        row.hidden,
        row.available_from,
        row.available_until,
        row.deleted,
        row.events,
        row.unseen,
    )


def _facts(item: Item) -> tuple[str, bool, bool, int | None, int | None]:
    """What makes an item what it is. As text, for Python takes 1, 1.0 and true for the same."""
    properties = json.dumps(dict(item.properties), sort_keys=True)
    return properties, item.hidden, item.deleted, item.available_from, item.available_until


def _json(properties: Mapping[str, Any]) -> str:
    return json.dumps(dict(properties))


def _member(user_id: str) -> Entity:
    return Entity(Namespace.USER, user_id)
