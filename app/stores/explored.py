"""Lists that were drawn by chance, with the chances: what other meta-weights can be judged by.

They wait in memory and are written every few seconds, so that no answer waits for them; those of a
process that dies are lost. Only some are kept, by nothing but the time at which they were drawn, so
those that are stand for all. A list goes with its person: only of somebody whom the log knows, in
the life that the list was made for, is any written.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import CLICK, IMPRESSION, Entity, Shot
from app.stores.database import Database
from app.stores.statements import BulkInsert, chunks
from app.stores.tables import EntityRow, EventRow, ExploredRow

WAITING_LIMIT = 10
"""Lists between two flushes; others are not kept."""
KEPT = 50_000
"""Lists in all, the newest: some 100 MB."""
KEPT_MS = 14 * 24 * 3600 * 1000
CHUNK = 250

_PUT = BulkInsert(ExploredRow, "ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class Explored:
    """All that is needed to ask again, in other words, for what this list was drawn from."""

    request_id: str
    entity: Entity
    generation: int
    drawn_at: int
    """In milliseconds since 1970."""
    temperature: float
    pool: Sequence[str]
    """Items that it was drawn from."""
    drawn: Sequence[tuple[str, float]]
    """Items in the order they were drawn in, each with its chance given those before it."""
    shots: Sequence[Shot]
    profile: Mapping[str, Any]
    scenario: str | None
    boosts: Sequence[tuple[object, float]]
    """Filters, as JSON, and factors, of the request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Items of a list that events tell of."""

    seen: AbstractSet[str] = frozenset()
    clicked: AbstractSet[str] = frozenset()
    positive: AbstractSet[str] = frozenset()


class ExploredLists:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Explored] = []

    def note(self, one: Explored) -> None:
        """Keeps a list, or not, for the next `flush`."""
        if len(self._waiting) < WAITING_LIMIT:
            self._waiting.append(one)

    async def flush(self) -> None:
        """Raises `StorageUnavailable`: the lists that waited are lost."""
        lists, self._waiting = self._waiting, []
        if not lists:
            return
        async with self._database.write() as connection:
            generations = await _lock(connection, {str(one.entity) for one in lists})
            rows = [
                (one.request_id, str(one.entity), one.drawn_at, json.dumps(_content(one)))
                for one in lists
                if generations.get(str(one.entity)) == one.generation
            ]
            await _PUT.run(connection, rows)

    async def forget(self, before: int) -> None:
        """Lists from before a time (ms), and all but the newest."""
        newest = select(ExploredRow.drawn_at).order_by(ExploredRow.drawn_at.desc())
        async with self._database.write() as connection:
            last = (await connection.execute(newest.offset(KEPT).limit(1))).scalar_one_or_none()
            until = before if last is None else max(before, last)
            await connection.execute(delete(ExploredRow).where(ExploredRow.drawn_at < until))

    async def read(self, since: int, limit: int) -> list[tuple[Explored, Outcome]]:
        """The newest lists since a time (ms), with what came of them."""
        rows = (
            select(ExploredRow)
            .where(ExploredRow.drawn_at >= since)
            .order_by(ExploredRow.drawn_at.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            lists = [
                _explored(row.request_id, row.entity, row.drawn_at, row.content)
                for row in await connection.execute(rows)
            ]
            outcomes: dict[tuple[str, str], Outcome] = {}
            for start in range(0, len(lists), CHUNK):
                outcomes |= await _outcomes(connection, lists[start : start + CHUNK])
        return [(one, outcomes.get((str(one.entity), one.request_id), Outcome())) for one in lists]


async def _lock(connection: AsyncConnection, names: Collection[str]) -> dict[str, int]:
    """Generations of those who are there, and nobody erases or merges until the end."""
    found: dict[str, int] = {}
    for chunk in chunks(sorted(names)):
        rows = select(EntityRow.entity, EntityRow.generation).where(
            EntityRow.entity.in_(chunk), EntityRow.member.is_(None)
        )
        locked = rows.order_by(EntityRow.entity).with_for_update(read=True)
        found.update((name, life) for name, life in await connection.execute(locked))
    return found


async def _outcomes(
    connection: AsyncConnection, lists: Sequence[Explored]
) -> dict[tuple[str, str], Outcome]:
    rows = select(
        EventRow.entity, EventRow.request_id, EventRow.item_id, EventRow.type, EventRow.weight
    ).where(
        EventRow.entity.in_({str(one.entity) for one in lists}),
        EventRow.request_id.in_([one.request_id for one in lists]),
    )
    found: dict[tuple[str, str], tuple[set[str], set[str], set[str]]] = {}
    for entity, request_id, item_id, type_, weight in await connection.execute(rows):
        assert request_id is not None
        seen, clicked, positive = found.setdefault((entity, request_id), (set(), set(), set()))
        if type_ == IMPRESSION:
            seen.add(item_id)
        if type_ == CLICK:
            clicked.add(item_id)
        if weight > 0:
            positive.add(item_id)
    return {key: Outcome(*told) for key, told in found.items()}


def _content(one: Explored) -> Mapping[str, Any]:
    return {
        "generation": one.generation,
        "temperature": one.temperature,
        "pool": list(one.pool),
        "drawn": list(one.drawn),
        "shots": [(shot.item_id, shot.weight, shot.timestamp) for shot in one.shots],
        "profile": dict(one.profile),
        "scenario": one.scenario,
        "boosts": list(one.boosts),
    }


def _explored(request_id: str, entity: str, drawn_at: int, content: Mapping[str, Any]) -> Explored:
    return Explored(
        request_id=request_id,
        entity=Entity.parse(entity),
        drawn_at=drawn_at,
        **{
            **content,
            "shots": tuple(Shot(*shot) for shot in content["shots"]),
            "drawn": [(item_id, chance) for item_id, chance in content["drawn"]],
            "boosts": [(filter_, factor) for filter_, factor in content["boosts"]],
        },
    )
