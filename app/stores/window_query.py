"""Rebuilds a window from SQL, with the properties of its entity, in one snapshot.

Shots come in pages, strongest first, and no further than they are needed. The items seen last are
asked for in one aggregate, which goes through every event of the entity: there is no index by time.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import (
    SEEN_LIMIT,
    SUPPORT_LIMIT,
    Entity,
    Namespace,
    PlacedWindow,
    Position,
    Shot,
    Window,
)
from app.stores.append import find_positions
from app.stores.lives import find_past_lives
from app.stores.tables import EventRow, UserRow

FIRST_PAGE = 100
LAST_PAGE = 10_000

_RANK = (EventRow.strength, EventRow.timestamp, EventRow.item_id, EventRow.weight)


async def read_window(
    connection: AsyncConnection, entity: Entity, seen_types: frozenset[str]
) -> PlacedWindow:
    """The window of an entity; empty at Position(0, 0) for one of whom nothing is known."""
    position = (await find_positions(connection, [entity])).get(entity)
    if position is None:
        past = (await find_past_lives(connection, [entity])).get(entity)
        return PlacedWindow(Window(), Position(past.generation if past else 0, 0))
    shots = await _strongest(connection, str(entity))
    seen = await _last_seen(connection, str(entity), seen_types)
    return PlacedWindow(Window.of(shots, seen), position, await _properties(connection, entity))


async def _properties(connection: AsyncConnection, entity: Entity) -> Mapping[str, Any]:
    """Those of a member; a guest has none."""
    if entity.namespace is not Namespace.USER:
        return {}
    found = select(UserRow.properties).where(UserRow.user_id == entity.id)
    return (await connection.execute(found)).scalar_one_or_none() or {}


async def _strongest(connection: AsyncConnection, entity: str) -> list[Shot]:
    """The strongest shot of each item, strongest first, until there are enough items."""
    best: dict[str, Shot] = {}
    size = FIRST_PAGE
    last: Row[float | None, int, str, float] | None = None
    while True:
        rows = (await connection.execute(_page(entity, last, size))).all()
        for row in rows:
            best.setdefault(row.item_id, Shot(row.item_id, row.weight, row.timestamp))
        if len(rows) < size or len(best) >= SUPPORT_LIMIT:
            return list(best.values())
        last = rows[-1]
        size = min(4 * size, LAST_PAGE)


def _page(
    entity: str, last: Row[float | None, int, str, float] | None, size: int
) -> Select[float | None, int, str, float]:
    statement = (
        select(*_RANK)
        .where(EventRow.entity == entity, EventRow.strength.is_not(None))
        .order_by(*(column.desc() for column in _RANK))
        .limit(size)
    )
    return statement if last is None else statement.where(tuple_(*_RANK) < tuple_(*last))


async def _last_seen(
    connection: AsyncConnection, entity: str, seen_types: frozenset[str]
) -> list[tuple[str, int]]:
    newest = func.max(EventRow.timestamp)
    statement = (
        select(EventRow.item_id, newest)
        .where(EventRow.entity == entity, EventRow.type.in_(sorted(seen_types)))
        .group_by(EventRow.item_id)
        .order_by(newest.desc(), EventRow.item_id.desc())
        .limit(SEEN_LIMIT)
    )
    return [(item_id, seen_at) for item_id, seen_at in await connection.execute(statement)]
