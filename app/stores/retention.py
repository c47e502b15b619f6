"""Deletes events that have grown older than the retention, in batches.

A mark moves along the time line behind which nothing is left to delete. Who imports history that
lies before the mark keeps it: only what comes to lie before the retention while the mark is
watched goes. The mark's row lock is the lease: whoever finds it taken leaves the work to its
holder, and one that dies lets go of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Position
from app.stores.append import Key, advance
from app.stores.database import Database
from app.stores.statements import chunks, insert_into
from app.stores.tables import EntityRow, EventRow, RetentionRow

BATCH = 2_000
"""Events a transaction: a fraction of a second, so that ingest never waits long."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What one batch did. `positions` are where its entities stand now."""

    events: int
    positions: Mapping[Entity, Position]
    done: bool
    """Whether nothing was left to delete, or somebody else is at it."""


NOTHING = Purged(0, {}, done=True)


class Retention:
    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch

    async def purge(self, until: int, *, imported: bool = False) -> Purged:
        """Deletes a batch of the events from before `until` (ms), oldest first.

        Their entities move on by one version each, as with any change of what is known of them.
        The first call ever only sets the mark: what lies before it was imported.

        Args:
            until: in milliseconds since 1970.
            imported: delete what lies before the mark, too.

        Raises:
            StorageUnavailable: nothing was deleted, or the answer was lost; go on later.
        """
        async with self._database.write() as connection:
            since = await lock_mark(connection, until)
            if since is None:
                return NOTHING
            expired = await _expired(connection, None if imported else since, until, self._batch)
            owners = await _lock_entities(connection, {entity for entity, _ in expired})
            events, changed = await _delete(
                connection, [key for key in expired if key[0] in owners]
            )
            lives = await advance(connection, map(Entity.parse, changed))
            done = len(expired) < self._batch
            if done and until > since:
                await connection.execute(update(RetentionRow).values(purged_until=until))
            return Purged(events, {entity: life.position for entity, life in lives.items()}, done)


async def lock_mark(connection: AsyncConnection, until: int) -> int | None:
    """The mark, which is `until` where there was none; None if somebody else holds it."""
    await connection.execute(
        insert_into(connection, RetentionRow).on_conflict_do_nothing(),
        {"id": 1, "purged_until": until},
    )
    mark = select(RetentionRow.purged_until).with_for_update(skip_locked=True)
    return (await connection.execute(mark)).scalar_one_or_none()


async def _expired(
    connection: AsyncConnection, since: int | None, until: int, limit: int
) -> list[Key]:
    keys = (
        select(EventRow.entity, EventRow.event_id)
        .where(EventRow.timestamp < until)
        .order_by(EventRow.timestamp)
        .limit(limit)
    )
    if since is not None:
        keys = keys.where(EventRow.timestamp >= since)
    return [(entity, event_id) for entity, event_id in await connection.execute(keys)]


async def _lock_entities(connection: AsyncConnection, names: set[str]) -> set[str]:
    """Those that are still there. One that is erased or merged meanwhile has nothing to delete."""
    found: set[str] = set()
    for chunk in chunks(sorted(names)):
        rows = select(EntityRow.entity).where(EntityRow.entity.in_(chunk))
        found.update(
            (await connection.execute(rows.order_by(EntityRow.entity).with_for_update())).scalars()
        )
    return found


async def _delete(connection: AsyncConnection, keys: Sequence[Key]) -> tuple[int, set[str]]:
    """How many events were there to be deleted, and whose they were."""
    events, changed = 0, set[str]()
    place = tuple_(EventRow.entity, EventRow.event_id)
    for chunk in chunks(sorted(keys)):
        rows = delete(EventRow).where(place.in_(chunk)).returning(EventRow.entity)
        owners = (await connection.execute(rows)).scalars().all()
        events += len(owners)
        changed.update(owners)
    return events, changed
