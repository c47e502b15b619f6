"""What the first users of a newer item know beside it: see docs/adr/0015.

Counting events says which companies are due (`due`); whoever counted makes them anew from the log
(`Companies.refresh`). A company is JSON text, {"users": n, "shares": {item id: share}}: of n users,
those that met the item last, every one counts the same, by the strongest events of each.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Select, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import SUPPORT_LIMIT
from app.stores.catalogue import lock_standing
from app.stores.database import Database
from app.stores.statements import BulkInsert, chunks
from app.stores.tables import CatalogueEpochRow, CompanyRow, EventRow, ItemRow

USERS = 50
"""First users asked for one item."""
LATEST = 5_000
"""Events on an item, of any weight, among which they are looked for."""
PARTNERS = 500
"""Items kept of one company, those that most of the users know."""
AT_ONCE = 50
"""Companies made in one go, which is one epoch."""
GROWTH = 1.1
"""By so much the events on an item must have grown for its company to be worth making anew."""
_PAGE = 2 * SUPPORT_LIMIT
"""Events of a user that are looked at."""

DUE = BulkInsert(
    CompanyRow, "ON CONFLICT (item_id) DO UPDATE SET due = excluded.due, turn = companies.turn + 1"
)


class Companies:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def refresh(self) -> bool:
        """Makes some of those that are due anew, and raises the epoch if any has changed.

        Returns:
            Whether there were any.
        """
        async with self._database.read() as connection:
            waiting = (await connection.execute(_WAITING)).all()
            worth = {row.item_id for row in waiting if _has_changed(row.made, row.events)}
            made = {item_id: await _made(connection, item_id) for item_id in sorted(worth)}
        if not waiting:
            return False
        async with self._database.write() as connection:
            standing = await lock_standing(connection)
            changed = []
            for row in waiting:
                values: dict[str, bool | int | str] = {"due": False}
                if row.item_id in made:
                    values |= {"events": row.events, "told": made[row.item_id]}
                found = await connection.execute(
                    update(CompanyRow)
                    .where(CompanyRow.item_id == row.item_id, CompanyRow.turn == row.turn)
                    .values(values)
                    .returning(CompanyRow.item_id)
                )
                if found.all() and made.get(row.item_id, row.told) != row.told:
                    changed.append(row.item_id)
            await _raise_epoch(connection, changed, standing.epoch)
        return True


async def due(connection: AsyncConnection, item_ids: Collection[str]) -> None:
    """Something happened to these items."""
    await DUE.run(connection, [(item_id, 1, True, 0, "") for item_id in sorted(item_ids)])


async def forget(connection: AsyncConnection, item_ids: Collection[str]) -> None:
    """Leaves nothing of the companies of these items until they are made anew."""
    standing, forgotten = None, list[str]()
    for chunk in chunks(sorted(item_ids)):
        standing = standing or await lock_standing(connection)
        found = await connection.execute(
            update(CompanyRow)
            .where(CompanyRow.item_id.in_(chunk))
            .values(due=True, turn=CompanyRow.turn + 1, events=0, told="")
            .returning(CompanyRow.item_id)
        )
        forgotten += found.scalars().all()
    if standing is not None:
        await _raise_epoch(connection, forgotten, standing.epoch)


async def _raise_epoch(connection: AsyncConnection, item_ids: Sequence[str], epoch: int) -> None:
    for chunk in chunks(item_ids):
        items = update(ItemRow).where(ItemRow.item_id.in_(chunk))
        await connection.execute(items.values(epoch=epoch + 1))
    if item_ids:
        await connection.execute(update(CatalogueEpochRow).values(epoch=epoch + 1))


_WAITING = (
    select(
        CompanyRow.item_id,
        CompanyRow.turn,
        CompanyRow.told,
        CompanyRow.events.label("made"),
        ItemRow.events,
    )
    .join(ItemRow, ItemRow.item_id == CompanyRow.item_id)
    .where(CompanyRow.due)
    .order_by(CompanyRow.item_id)
    .limit(AT_ONCE)
)


def _has_changed(before: int, now: int) -> bool:
    return now >= GROWTH * before or now < before


async def _made(connection: AsyncConnection, item_id: str) -> str:
    users = await _first_users(connection, item_id)
    known: dict[str, dict[str, None]] = defaultdict(dict)
    for chunk in chunks(users):
        for row in (await connection.execute(union_all(*map(_strongest, chunk)))).all():
            if row.item_id != item_id and len(known[row.entity]) < SUPPORT_LIMIT:
                known[row.entity][row.item_id] = None
    told = {user: items for user, items in known.items() if items}
    shares: dict[str, float] = defaultdict(float)
    for user in sorted(told):
        for partner in told[user]:
            shares[partner] += 1 / len(told[user])
    if not told:
        return ""
    most = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:PARTNERS]
    kept = {partner: round(share, 6) for partner, share in most}
    return json.dumps({"users": len(told), "shares": kept}, ensure_ascii=False)


async def _first_users(connection: AsyncConnection, item_id: str) -> list[str]:
    latest = (
        select(EventRow.entity, EventRow.weight)
        .where(EventRow.item_id == item_id)
        .order_by(EventRow.timestamp.desc(), EventRow.entity.desc())
        .limit(LATEST)
    )
    events = (await connection.execute(latest)).all()
    return list(dict.fromkeys(row.entity for row in events if row.weight > 0))[:USERS]


def _strongest(entity: str) -> Select[str, str]:
    events = (
        select(EventRow.entity, EventRow.item_id)
        .where(EventRow.entity == entity, EventRow.strength.is_not(None), EventRow.weight > 0)
        .order_by(
            EventRow.strength.desc(),
            EventRow.timestamp.desc(),
            EventRow.item_id.desc(),
            EventRow.weight.desc(),
        )
        .limit(_PAGE)
        .subquery()
    )
    return select(events.c.entity, events.c.item_id)
