"""The event log: the durable truth. One writer a process commits many requests at once."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter

import structlog
from sqlalchemy import select, tuple_

from app.domain import Entity, Event, Namespace, PlacedWindow, Position
from app.errors import AppError, Overloaded, StorageUnavailable
from app.stores.append import (
    Appended,
    Committed,
    Detour,
    Key,
    RowRefused,
    forget_pending,
    insert_events,
    key_of,
)
from app.stores.database import Database
from app.stores.tables import EntityRow, EventRow, PendingRow
from app.stores.window_query import LAST_PAGE, read_window

FORGET_AFTER_SECONDS = 0.1
FORGET_LIMIT = 2_000
RECENT_PAGE = 10_000
RECENT_EVENTS = 300_000
"""Read from an index alone, in about a second."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """`after` is the cursor of the next page, None on the last one."""

    events: tuple[Event, ...]
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class _Request:
    """`keyed` has one pair for every event, in the order that they were given."""

    keyed: Sequence[tuple[Key, Event]]
    answer: "asyncio.Future[Appended]"


class EventLog:
    """Append, read back, rebuild windows.

    Args:
        queue_limit: events that may wait for a commit before `append` answers `Overloaded`.
        batch_limit: events that one commit aims for; a larger request is never split.
    """

    def __init__(
        self, database: Database, *, queue_limit: int = 10_000, batch_limit: int = 512
    ) -> None:
        self._database = database
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._queue: deque[_Request] = deque()
        self._queued = 0
        self._applied: dict[Entity, Position] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._closing = False
        self._writer = asyncio.create_task(self._write_batches(), name="event-log-writer")

    async def close(self) -> None:
        """Commits what is queued, then stops."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
            self._writer = None

    async def append(self, events: Sequence[Event]) -> Appended:
        """Stores events durably and tells which were new. A caller that is cancelled while it
        waits does not cancel the write.

        Raises:
            Overloaded: too many events wait.
            StorageUnavailable: the commit failed, or its outcome is unknown; a retry is safe.
        """
        if not events:
            return Appended((), {}, {})
        if self._writer is None or self._closing:
            raise StorageUnavailable("database")
        if self._queued and self._queued + len(events) > self._queue_limit:
            raise Overloaded("event")
        keyed = [(key_of(event), event) for event in events]
        request = _Request(keyed, asyncio.get_running_loop().create_future())
        self._queue.append(request)
        self._queued += len(events)
        self._wake.set()
        return await request.answer

    def mark_applied(self, positions: Mapping[Entity, Position]) -> None:
        """Redis holds these, or knows that it does not: their notes go with a later commit."""
        self._applied.update(positions)
        self._wake.set()

    async def window(self, entity: Entity, seen_types: frozenset[str]) -> PlacedWindow:
        """The window built from SQL, and the position it is exact at."""
        async with self._database.read() as connection:
            return await read_window(connection, entity, seen_types)

    async def pending(self, limit: int, *, until: int | None = None) -> Mapping[Entity, Position]:
        """Entities whose window in Redis may be behind, oldest note first.

        Args:
            limit: how many at most.
            until: only notes made up to this time (ms).
        """
        statement = select(PendingRow).order_by(PendingRow.since).limit(limit)
        if until is not None:
            statement = statement.where(PendingRow.since <= until)
        async with self._database.glance() as connection:
            return {
                Entity.parse(row.entity): Position(row.generation, row.version)
                for row in await connection.execute(statement)
            }

    async def scan(
        self, after: tuple[str, str] | None, limit: int, entity: Entity | None = None
    ) -> Page:
        """A page of all events, or those of one entity, ordered by entity and event id."""
        place = tuple_(EventRow.entity, EventRow.event_id)
        statement = select(EventRow).order_by(EventRow.entity, EventRow.event_id).limit(limit)
        if after is not None:
            statement = statement.where(place > tuple_(*after))
        if entity is not None:
            statement = statement.where(EventRow.entity == str(entity))
        async with self._database.read() as connection:
            events = tuple(
                Event(
                    entity=Entity.parse(row.entity),
                    event_id=row.event_id,
                    item_id=row.item_id,
                    type=row.type,
                    weight=row.weight,
                    timestamp=row.timestamp,
                    value=row.value,
                    request_id=row.request_id,
                    position=row.position,
                    context=row.context,
                )
                for row in await connection.execute(statement)
            )
        return Page(events, key_of(events[-1]) if len(events) == limit else None)

    async def event_ids(self, entity: Entity, item_ids: Sequence[str]) -> Mapping[str, str]:
        """The strongest event of an entity on each of some items, as far as there is one."""
        rows = (
            select(EventRow.item_id, EventRow.event_id)
            .where(
                EventRow.entity == str(entity),
                EventRow.item_id.in_(item_ids),
                EventRow.strength.is_not(None),
            )
            .order_by(EventRow.strength)
            .limit(LAST_PAGE)
        )
        async with self._database.read() as connection:
            return {row.item_id: row.event_id for row in await connection.execute(rows)}

    async def recently_active(self, limit: int) -> list[Entity]:
        """Members, no guests, by the time of the last event of each, the latest first; of those
        that the newest `RECENT_EVENTS` events of members tell.
        """
        place = tuple_(EventRow.timestamp, EventRow.entity)
        rows = (
            select(EventRow.timestamp, EventRow.entity)
            .where(EventRow.entity >= f"{Namespace.USER}:")
            .order_by(EventRow.timestamp.desc(), EventRow.entity.desc())
            .limit(RECENT_PAGE)
        )
        names: dict[str, None] = {}
        page = rows
        async with self._database.read() as connection:
            for _ in range(RECENT_EVENTS // RECENT_PAGE):
                found = (await connection.execute(page)).all()
                names.update((row.entity, None) for row in found)
                if len(names) >= limit or len(found) < RECENT_PAGE:
                    break
                page = rows.where(place < tuple_(found[-1].timestamp, found[-1].entity))
        return [Entity.parse(name) for name in islice(names, limit)]

    async def sample(self, limit: int) -> list[Entity]:
        """Some who did something, from a place in the order of ids that differs every time."""
        rows = select(EntityRow.entity).order_by(EntityRow.entity).limit(limit)
        place = f"{Namespace.USER}:{secrets.token_hex(2)}"
        async with self._database.read() as connection:
            names = list(
                (await connection.execute(rows.where(EntityRow.entity >= place))).scalars()
            )
            if len(names) < limit:
                first = rows.where(EntityRow.entity < place).limit(limit - len(names))
                names += (await connection.execute(first)).scalars()
        return [Entity.parse(name) for name in names]

    async def _write_batches(self) -> None:
        while self._queue or not self._closing:
            if not self._queue:
                await self._rest()
                continue
            batch = self._take()
            try:
                committed = await self._commit(_distinct(batch))
            except AppError as error:
                _refuse(batch, error)
            except Exception:  # the writer must outlive what nobody foresaw
                log.exception("append_failed", events=sum(len(each.keyed) for each in batch))
                _refuse(batch, StorageUnavailable("database"))
            else:
                _answer(batch, committed)
        while self._applied:
            await self._forget()

    async def _rest(self) -> None:
        """Waits for work. When none comes for a moment, clears the notes that Redis has."""
        self._wake.clear()
        if self._queue or self._closing:
            return
        try:
            async with asyncio.timeout(FORGET_AFTER_SECONDS if self._applied else None):
                await self._wake.wait()
        except TimeoutError:
            await self._forget()

    def _take(self) -> list[_Request]:
        batch = [self._queue.popleft()]
        size = len(batch[0].keyed)
        while self._queue and size + len(self._queue[0].keyed) <= self._batch_limit:
            batch.append(self._queue.popleft())
            size += len(batch[-1].keyed)
        self._queued -= size
        return batch

    async def _commit(self, events: Mapping[Key, Event]) -> Committed:
        """One transaction; if a row is refused, two of half the size, and so on down to it."""
        applied = dict(islice(self._applied.items(), FORGET_LIMIT))
        try:
            async with self._database.write() as connection:
                committed = await insert_events(connection, events)
                await forget_pending(connection, applied)
        except RowRefused as refused:
            if len(events) == 1:
                return Committed(failed=dict.fromkeys(events, str(refused)))
            half = len(events) // 2
            first = await self._commit(dict(islice(events.items(), half)))
            return first.then(await self._commit(dict(islice(events.items(), half, None))))
        except Detour as detour:
            return await self._commit_around(detour, events)
        self._drop_applied(applied)
        return committed

    async def _commit_around(self, detour: Detour, events: Mapping[Key, Event]) -> Committed:
        """What guests did goes to the members they have become; what was erased stays away."""
        led = [
            replace(event, entity=detour.leads(event.entity))
            for event in events.values()
            if not detour.refuses(event)
        ]
        committed = await self._commit(_first_of_each(led)) if led else Committed()
        return committed.told_of(detour, events)

    async def _forget(self) -> None:
        applied = dict(islice(self._applied.items(), FORGET_LIMIT))
        try:
            async with self._database.write() as connection:
                await forget_pending(connection, applied)
        except StorageUnavailable:
            self._applied.clear()  # a sweeper will find the notes
        self._drop_applied(applied)

    def _drop_applied(self, applied: Mapping[Entity, Position]) -> None:
        for entity, position in applied.items():
            if self._applied.get(entity) == position:
                del self._applied[entity]


def _distinct(batch: Sequence[_Request]) -> dict[Key, Event]:
    return _first_of_each(event for request in batch for _, event in request.keyed)


def _first_of_each(events: Iterable[Event]) -> dict[Key, Event]:
    """The first event of each key, in the order that locks are taken."""
    first: dict[Key, Event] = {}
    for event in events:
        first.setdefault(key_of(event), event)
    return dict(sorted(first.items(), key=itemgetter(0)))


def _answer(batch: Sequence[_Request], committed: Committed) -> None:
    unclaimed = set(committed.new)
    for request in batch:
        new = []
        for key, _ in request.keyed:
            new.append(key in unclaimed)
            unclaimed.discard(key)
        failed = {
            index: committed.failed[key]
            for index, (key, _) in enumerate(request.keyed)
            if key in committed.failed
        }
        told = {event.entity for _, event in request.keyed}
        entities = {committed.members.get(entity, entity) for entity in told}
        arrivals = {
            entity: committed.arrivals[entity]
            for entity in entities
            if entity in committed.arrivals
        }
        if not request.answer.done():  # else its caller was cancelled; the write stands
            request.answer.set_result(Appended(tuple(new), failed, arrivals))


def _refuse(batch: Sequence[_Request], error: AppError) -> None:
    for request in batch:
        if not request.answer.done():
            request.answer.set_exception(error)
