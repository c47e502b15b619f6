"""The append transaction: insert events, move their entities on, note what Redis must learn.

Locks are taken in one order everywhere (events, then entities, each sorted), so two transactions
cannot wait for each other.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Event, Position, Window, strength, window_of
from app.stores.lives import find_past_lives
from app.stores.statements import BulkInsert, Value, chunks
from app.stores.tables import EntityRow, EventRow, PendingRow, UncountedRow

Key: TypeAlias = tuple[str, str]

INSERT_EVENTS = BulkInsert(EventRow, "ON CONFLICT DO NOTHING RETURNING entity, event_id")
ADVANCE_ENTITIES = BulkInsert(
    EntityRow,
    "ON CONFLICT (entity) DO UPDATE SET version = entities.version + 1 "
    "RETURNING entity, generation, version, coalesce(member, ''), coalesce(erased_at, -1)",
)
NOTE_PENDING = BulkInsert(
    PendingRow,
    "ON CONFLICT (entity) DO UPDATE SET generation = excluded.generation, "
    "version = excluded.version, since = excluded.since",
)
_FORGET_FREE = """
DELETE FROM pending_apply WHERE entity IN (
    SELECT entity FROM pending_apply
    JOIN unnest($1::text[], $2::bigint[], $3::bigint[]) AS given (entity, generation, version)
    USING (entity, generation, version)
    FOR UPDATE OF pending_apply SKIP LOCKED
)
"""
_ROW_FAULTS = ("21", "22", "23", "54")
"""SQLSTATE classes that blame a value: cardinality, data, constraint, a limit exceeded."""


ERASED = "the person was erased after this happened"


class RowRefused(Exception):
    """Something in this batch is not acceptable to the database; the transaction rolled back."""


@dataclass(frozen=True, slots=True)
class Life:
    """Where an entity stands, under its lock."""

    position: Position
    member: Entity | None = None
    """Whom a guest became: what it does from then on is the member's."""
    erased_at: int = -1
    """Nothing that happened up to then (ms) may be stored."""


@dataclass(eq=False)
class Detour(Exception):
    """Not all of a batch is what it seemed before its entities were locked; it rolled back."""

    members: Mapping[Entity, Entity]
    """Guests, and whom they have become."""
    erased_at: Mapping[Entity, int]

    def leads(self, entity: Entity) -> Entity:
        return self.members.get(entity, entity)

    def refuses(self, event: Event) -> bool:
        return event.timestamp <= self.erased_at.get(event.entity, -1)


@dataclass(frozen=True, slots=True)
class WindowWrite:
    """The window of what is new between two positions of an entity."""

    entity: Entity
    before: Position
    after: Position
    window: Window


@dataclass(frozen=True, slots=True)
class Arrival:
    """All events that are new between two positions, whichever requests brought them.

    `before == after`, and no events, where everything was a duplicate.
    """

    before: Position
    after: Position
    events: tuple[Event, ...] = ()

    def then(self, later: "Arrival") -> "Arrival":
        """One arrival for two. Where another process came between, only the later one counts:
        a window at its `before` already holds the events of the earlier.
        """
        if self.after == later.before:
            return Arrival(self.before, later.after, self.events + later.events)
        return later


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a request's events.

    `new`: per event, False for a duplicate (and for a failed one). `failed`: index to reason.
    `arrivals`: for every entity of the request that has a row. It may hold events of other
    requests that shared the commit: they belong to the same step from `before` to `after`.
    """

    new: tuple[bool, ...]
    failed: Mapping[int, str]
    arrivals: Mapping[Entity, Arrival]

    @property
    def positions(self) -> dict[Entity, Position]:
        """Where every entity of the request stands now."""
        return {entity: arrival.after for entity, arrival in self.arrivals.items()}

    def writes(self, seen_types: frozenset[str]) -> tuple[WindowWrite, ...]:
        """What `SupportStore.merge` needs so that Redis follows this append."""
        return tuple(
            WindowWrite(
                entity, arrival.before, arrival.after, window_of(arrival.events, seen_types)
            )
            for entity, arrival in self.arrivals.items()
            if arrival.after != arrival.before
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction, or several in a row, did. Keys are (entity, event id)."""

    new: frozenset[Key] = frozenset()
    failed: Mapping[Key, str] = field(default_factory=dict)
    arrivals: Mapping[Entity, Arrival] = field(default_factory=dict)
    members: Mapping[Entity, Entity] = field(default_factory=dict)
    """Guests of these events, and whom they have become."""

    def then(self, later: "Committed") -> "Committed":
        arrivals = dict(self.arrivals)
        for entity, arrival in later.arrivals.items():
            arrivals[entity] = arrivals[entity].then(arrival) if entity in arrivals else arrival
        return Committed(
            self.new | later.new,
            {**self.failed, **later.failed},
            arrivals,
            {**self.members, **later.members},
        )

    def told_of(self, detour: Detour, events: Mapping[Key, Event]) -> "Committed":
        """The same by the keys of `events`, of which those that were stored took the detour."""
        led = {key: (str(detour.leads(event.entity)), key[1]) for key, event in events.items()}
        first = {led[key]: key for key in reversed(list(events)) if not detour.refuses(events[key])}
        return Committed(
            frozenset(first[key] for key in self.new),
            {
                key: ERASED if detour.refuses(event) else self.failed[led[key]]
                for key, event in events.items()
                if detour.refuses(event) or led[key] in self.failed
            },
            self.arrivals,
            {**detour.members, **self.members},
        )


def key_of(event: Event) -> Key:
    return str(event.entity), event.event_id


async def insert_events(connection: AsyncConnection, events: Mapping[Key, Event]) -> Committed:
    """Stores what is new of `events`, which are in the order of their keys.

    Raises:
        RowRefused: the database blames a value; nothing of this transaction may be kept.
        Detour: the same, for some of it belongs elsewhere.
    """
    try:
        return await _insert(connection, events)
    except (StatementError, ValueError, OverflowError) as error:
        if _blames_a_value(error):
            raise RowRefused(f"not acceptable to the database ({_name(error)})") from error
        raise


async def _insert(connection: AsyncConnection, events: Mapping[Key, Event]) -> Committed:
    rows = [_row(key, event) for key, event in events.items()]
    new = {(str(row[0]), str(row[1])) for row in await INSERT_EVENTS.run(connection, rows)}
    arrived: dict[Entity, list[Event]] = {}
    known: set[Entity] = set()
    for key, event in events.items():
        if key in new:
            arrived.setdefault(event.entity, []).append(event)
        else:
            known.add(event.entity)
    await _leave_to_count(connection, arrived.values())
    lives = await advance(connection, arrived)
    detour = _detour(lives, arrived)
    if detour.members or detour.erased_at:
        raise detour
    unmoved = await find_positions(connection, known - arrived.keys())
    return Committed(
        frozenset(new),
        {},
        {
            **{
                entity: Arrival(
                    replace(life.position, version=life.position.version - 1),
                    life.position,
                    tuple(arrived[entity]),
                )
                for entity, life in lives.items()
            },
            **{entity: Arrival(position, position) for entity, position in unmoved.items()},
        },
    )


async def _leave_to_count(connection: AsyncConnection, arrived: Iterable[Iterable[Event]]) -> None:
    """Notes what live popularity is made of: the positive events by item."""
    counts = Counter(event.item_id for events in arrived for event in events if event.weight > 0)
    if counts:
        await connection.execute(insert(UncountedRow), {"events": counts})


def _detour(lives: Mapping[Entity, Life], arrived: Mapping[Entity, Iterable[Event]]) -> Detour:
    """A retry after a merge or an erasure, a guest that has become a member: all of them new."""
    return Detour(
        {entity: life.member for entity, life in lives.items() if life.member is not None},
        {
            entity: life.erased_at
            for entity, life in lives.items()
            if any(event.timestamp <= life.erased_at for event in arrived[entity])
        },
    )


async def advance(connection: AsyncConnection, entities: Iterable[Entity]) -> dict[Entity, Life]:
    """Moves entities on by one version and notes that Redis must follow. Locks them."""
    named = {str(entity): entity for entity in entities}
    rows = [(name, 0, 1, None, None) for name in sorted(named)]
    lives = {
        named[str(name)]: Life(
            Position(int(generation), int(version)),
            Entity.parse(str(member)) if member else None,
            int(erased_at),
        )
        for name, generation, version, member, erased_at in await ADVANCE_ENTITIES.run(
            connection, rows
        )
    }
    newborn = [entity for entity, life in lives.items() if life.position.version == 1]
    for entity, past in (await find_past_lives(connection, newborn)).items():
        lives[entity] = Life(Position(past.generation, 1), None, past.ended_at)
        await connection.execute(
            update(EntityRow)
            .where(EntityRow.entity == str(entity))
            .values(generation=past.generation, erased_at=past.ended_at)
        )
    await note_pending(connection, {entity: life.position for entity, life in lives.items()})
    return lives


async def note_pending(connection: AsyncConnection, positions: Mapping[Entity, Position]) -> None:
    """Notes that what Redis holds may be older than these."""
    since = time.time_ns() // 1_000_000
    await NOTE_PENDING.run(
        connection,
        sorted((str(entity), at.generation, at.version, since) for entity, at in positions.items()),
    )


async def find_positions(
    connection: AsyncConnection, entities: Iterable[Entity]
) -> dict[Entity, Position]:
    """Where entities stand; those without a row are left out."""
    found: dict[Entity, Position] = {}
    named = {str(entity): entity for entity in entities}
    for chunk in chunks(sorted(named)):
        statement = select(EntityRow.entity, EntityRow.generation, EntityRow.version).where(
            EntityRow.entity.in_(chunk)
        )
        for name, generation, version in await connection.execute(statement):
            found[named[name]] = Position(generation, version)
    return found


async def forget_pending(connection: AsyncConnection, applied: Mapping[Entity, Position]) -> None:
    """Removes the notes that are still at these positions. Waits for no lock: the last step of a
    transaction, and rows that somebody holds are left to the sweeper.
    """
    place = tuple_(PendingRow.entity, PendingRow.generation, PendingRow.version)
    for chunk in chunks(sorted(applied.items())):
        places = [(str(entity), at.generation, at.version) for entity, at in chunk]
        if connection.dialect.name == "postgresql":
            columns = tuple(list(column) for column in zip(*places, strict=True))
            await connection.exec_driver_sql(_FORGET_FREE, columns)
        else:
            await connection.execute(delete(PendingRow).where(place.in_(places)))


def _row(key: Key, event: Event) -> tuple[Value, ...]:
    return (
        *key,
        event.item_id,
        event.type,
        event.weight,
        strength(event.weight, event.timestamp) if event.weight else None,
        event.timestamp,
        event.value,
        event.request_id,
        event.position,
        json.dumps(dict(event.context)) if event.context is not None else None,
    )


def _blames_a_value(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return True
    if error.connection_invalidated:
        return False
    state: str | None = getattr(error.orig, "sqlstate", None)
    return isinstance(error, IntegrityError | DataError | InterfaceError) or (
        state is not None and state.startswith(_ROW_FAULTS)
    )


def _name(error: Exception) -> str:
    original = error.orig if isinstance(error, StatementError) else error
    return type(getattr(original, "__cause__", None) or original or error).__name__
