"""The append transaction: insert events, move their entities on, note what Redis must learn.

Locks are taken in one order everywhere (events, then entities, each sorted), so two transactions
cannot wait for each other.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import delete, select, tuple_
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Event, Position, Window, strength, window_of
from app.stores.statements import chunks, insert_into
from app.stores.tables import EntityRow, EventRow, PendingRow

Key: TypeAlias = tuple[str, str]

_ROW_FAULTS = ("21", "22", "23", "54")
"""SQLSTATE classes that blame a value: cardinality, data, constraint, a limit exceeded."""


class RowRefused(Exception):
    """Something in this batch is not acceptable to the database; the transaction rolled back."""


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

    def then(self, later: "Committed") -> "Committed":
        arrivals = dict(self.arrivals)
        for entity, arrival in later.arrivals.items():
            arrivals[entity] = arrivals[entity].then(arrival) if entity in arrivals else arrival
        return Committed(self.new | later.new, {**self.failed, **later.failed}, arrivals)


def key_of(event: Event) -> Key:
    return str(event.entity), event.event_id


async def insert_events(connection: AsyncConnection, events: Sequence[Event]) -> Committed:
    """Stores what is new of `events`, which are sorted by key and free of repeats.

    Raises:
        RowRefused: the database blames a value; nothing of this transaction may be kept.
    """
    try:
        return await _insert(connection, events)
    except (StatementError, ValueError, OverflowError) as error:
        if _blames_a_value(error):
            raise RowRefused(f"not acceptable to the database ({_name(error)})") from error
        raise


async def _insert(connection: AsyncConnection, events: Sequence[Event]) -> Committed:
    new: set[Key] = set()
    statement = (
        insert_into(connection, EventRow)
        .on_conflict_do_nothing()
        .returning(EventRow.entity, EventRow.event_id)
    )
    for rows in chunks([_row(event) for event in events]):
        new.update((row[0], row[1]) for row in await connection.execute(statement, rows))
    arrived: dict[Entity, list[Event]] = {}
    known: set[Entity] = set()
    for event in events:
        if key_of(event) in new:
            arrived.setdefault(event.entity, []).append(event)
        else:
            known.add(event.entity)
    positions = await _advance(connection, list(arrived))
    await _note_pending(connection, positions)
    unmoved = await find_positions(connection, sorted(known - positions.keys()))
    return Committed(
        frozenset(new),
        {},
        {
            **{
                entity: Arrival(
                    Position(after.generation, after.version - 1),
                    after,
                    tuple(arrived[entity]),
                )
                for entity, after in positions.items()
            },
            **{entity: Arrival(position, position) for entity, position in unmoved.items()},
        },
    )


async def _advance(
    connection: AsyncConnection, entities: Sequence[Entity]
) -> dict[Entity, Position]:
    insert = insert_into(connection, EntityRow)
    statement = insert.on_conflict_do_update(
        index_elements=[EntityRow.entity], set_={"version": EntityRow.version + 1}
    ).returning(EntityRow.entity, EntityRow.generation, EntityRow.version)
    positions: dict[Entity, Position] = {}
    for chunk in chunks(entities):
        rows = [{"entity": str(entity), "generation": 0, "version": 1} for entity in chunk]
        for entity, generation, version in await connection.execute(statement, rows):
            positions[Entity.parse(entity)] = Position(generation, version)
    return positions


async def _note_pending(connection: AsyncConnection, positions: Mapping[Entity, Position]) -> None:
    insert = insert_into(connection, PendingRow)
    fresh = {name: insert.excluded[name] for name in ("generation", "version", "since")}
    # RETURNING makes SQLAlchemy send one statement for all rows instead of one for each
    statement = insert.on_conflict_do_update(
        index_elements=[PendingRow.entity], set_=fresh
    ).returning(PendingRow.version)
    since = time.time_ns() // 1_000_000
    for chunk in chunks(sorted(positions)):
        await connection.execute(
            statement,
            [
                {
                    "entity": str(entity),
                    "generation": positions[entity].generation,
                    "version": positions[entity].version,
                    "since": since,
                }
                for entity in chunk
            ],
        )


async def find_positions(
    connection: AsyncConnection, entities: Sequence[Entity]
) -> dict[Entity, Position]:
    """Where entities stand; those without a row are left out."""
    found: dict[Entity, Position] = {}
    for chunk in chunks(entities):
        statement = select(EntityRow.entity, EntityRow.generation, EntityRow.version).where(
            EntityRow.entity.in_([str(entity) for entity in chunk])
        )
        for entity, generation, version in await connection.execute(statement):
            found[Entity.parse(entity)] = Position(generation, version)
    return found


async def forget_pending(connection: AsyncConnection, applied: Mapping[Entity, Position]) -> None:
    """Removes the notes that are still at these positions. Waits for no lock: the last step of a
    transaction, and rows that somebody holds are left to the sweeper.
    """
    place = tuple_(PendingRow.entity, PendingRow.generation, PendingRow.version)
    for chunk in chunks(sorted(applied.items())):
        places = [(str(entity), at.generation, at.version) for entity, at in chunk]
        if connection.dialect.name == "postgresql":
            free = select(PendingRow.entity).where(place.in_(places))
            condition = PendingRow.entity.in_(free.with_for_update(skip_locked=True))
        else:
            condition = place.in_(places)
        await connection.execute(delete(PendingRow).where(condition))


def _row(event: Event) -> dict[str, Any]:
    return {
        "entity": str(event.entity),
        "event_id": event.event_id,
        "item_id": event.item_id,
        "type": event.type,
        "weight": event.weight,
        "strength": strength(event.weight, event.timestamp) if event.weight else None,
        "timestamp": event.timestamp,
        "value": event.value,
        "request_id": event.request_id,
        "position": event.position,
        "context": dict(event.context) if event.context is not None else None,
    }


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
