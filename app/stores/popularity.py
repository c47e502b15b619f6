"""Counts positive events by item, for the popularity of items that training never saw.

Every append leaves its counts in a row of its own. Whoever takes such rows adds them up and removes
them in the same transaction, so every event counts exactly once, whoever dies meanwhile. The row of
the catalogue's epoch is the lock, and says when events were counted last.
"""

from collections import Counter
from collections.abc import Container

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Item
from app.stores import companies
from app.stores.catalogue import item_values, lock_standing
from app.stores.database import Database
from app.stores.statements import BulkInsert, chunks
from app.stores.tables import CatalogueEpochRow, ItemRow, UncountedRow

PAUSE_MS = 900
"""Counting more often would only cost: each time, every worker lays its items anew."""
APPENDS = 10
"""Rows taken at a time."""
ITEMS = 5_000
"""When so many items have events to add, the rest waits for the next time."""

COUNT = BulkInsert(
    ItemRow,
    "ON CONFLICT (item_id) DO UPDATE SET events = items.events + excluded.events, "
    "epoch = excluded.epoch",
)


class Popularity:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(
        self, now: int, *, stubs: bool, known: Container[str] = (), company: bool = False
    ) -> bool:
        """Adds what is uncounted to the items and raises the epoch; rests if it was done lately.

        Args:
            now: in milliseconds.
            stubs: whether to make the items that are unknown; else their events are forgotten.
            known: of these items, those that could be met all along though nobody put them.
            company: whether the company of all others is to be made anew.

        Returns:
            Whether anything was counted.
        """
        async with self._database.glance() as connection:
            waiting = (await connection.execute(select(UncountedRow.id).limit(1))).first()
        if waiting is None:
            return False
        async with self._database.write() as connection:
            standing = await lock_standing(connection)
            if 0 <= now - standing.counted_at < PAUSE_MS:
                return False
            counts = await _take(connection)
            if not counts:
                return False
            epoch, total = standing.epoch + 1, standing.events
            until = max(now, standing.counted_at)
            if total:
                await _open_and_close(connection, standing.counted_at, until, total, epoch)
            told = sorted(counts if stubs else await _stored(connection, counts))
            items = (
                Item(item_id, events=counts[item_id], unseen=0 if item_id in known else total)
                for item_id in told
            )
            await COUNT.run(connection, [item_values(item, epoch) for item in items])
            if company:
                await companies.due(connection, [one for one in told if one not in known])
            await connection.execute(
                update(CatalogueEpochRow).values(
                    epoch=epoch, events=total + counts.total(), counted_at=until
                )
            )
        return True


async def _take(connection: AsyncConnection) -> Counter[str]:
    """Removes rows, the oldest first, and returns their sum."""
    counts: Counter[str] = Counter()
    oldest = select(UncountedRow.id).order_by(UncountedRow.id).limit(APPENDS)
    rows = delete(UncountedRow).where(UncountedRow.id.in_(oldest)).returning(UncountedRow.events)
    while len(counts) < ITEMS:
        taken = (await connection.execute(rows)).scalars().all()
        for events in taken:
            counts.update(events)
        if len(taken) < APPENDS:
            break
    return counts


async def _open_and_close(
    connection: AsyncConnection, before: int, now: int, total: int, epoch: int
) -> None:
    """An item has chances from when its time comes until it has passed."""
    starts, ends = ItemRow.available_from, ItemRow.available_until
    crossing = or_((starts > before) & (starts <= now), (ends > before) & (ends <= now))
    for row in (await connection.execute(select(ItemRow).where(crossing))).all():
        gone = row.hidden or row.deleted
        item = Item(row.item_id, {}, gone, row.available_from, row.available_until)
        if opened := item.is_open(now) - item.is_open(before):
            await connection.execute(
                update(ItemRow)
                .where(ItemRow.item_id == row.item_id)
                .values(unseen=ItemRow.unseen + opened * total, epoch=epoch)
            )


async def _stored(connection: AsyncConnection, counts: Counter[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(sorted(counts)):
        known = select(ItemRow.item_id).where(ItemRow.item_id.in_(chunk))
        found.update((await connection.execute(known)).scalars())
    return found
