"""A guest becomes a member, with its events; a member is erased, with its guests."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Position
from app.errors import AlreadyMerged
from app.stores import companies
from app.stores.append import Life, advance, note_pending
from app.stores.database import Database
from app.stores.lives import PastLife, remember_erased
from app.stores.tables import (
    EntityRow,
    ErasedRow,
    EventRow,
    ExploredRow,
    UncountedRow,
    UserRow,
)

ERASED_KEPT_MS = 30 * 24 * 3600 * 1000
"""How long it is remembered that somebody was erased."""

_OTHERS = ", ".join(
    f'"{column.name}"' for column in EventRow.__table__.columns if column.name != "entity"
)
_MOVE = text(
    f"INSERT INTO events (entity, {_OTHERS}) "  # noqa: S608  (names of our own)
    f"SELECT :member, {_OTHERS} FROM events WHERE entity = :guest ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Merged:
    """`moved` events were not the member's before."""

    moved: int
    duplicates: int
    positions: dict[Entity, Position]


@dataclass(frozen=True, slots=True)
class Erasure:
    events: int
    guests: int
    had_properties: bool
    positions: dict[Entity, Position]
    """Beyond everything that was known of them."""


class Members:
    """Moves and erases whole lives, each in one transaction under the locks of all concerned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def merge(self, guest: Entity, member: Entity) -> Merged:
        """Gives a guest's events to a member, once: a repetition moves nothing.

        Raises:
            AlreadyMerged: the guest has become another member.
            StorageUnavailable: nothing was changed, or the answer was lost; try again.
        """
        whose = {"guest": str(guest), "member": str(member)}
        async with self._database.write() as connection:
            lives = await advance(connection, (guest, member))
            became = lives[guest].member
            if became not in (None, member):
                raise AlreadyMerged(guest.id)
            of_guest = EventRow.entity == str(guest)
            found = await connection.execute(select(func.count()).where(of_guest))
            told = found.scalar_one()
            moved = (await connection.execute(_MOVE, whose)).rowcount
            await connection.execute(delete(EventRow).where(of_guest))
            lists = update(ExploredRow).where(ExploredRow.entity == str(guest))
            await connection.execute(lists.values(entity=str(member)))
            position = lives[guest].position
            ended = replace(position, generation=position.generation + 1)
            await connection.execute(
                update(EntityRow)
                .where(EntityRow.entity == str(guest))
                .values(member=str(member), generation=ended.generation)
            )
            await note_pending(connection, {guest: ended})
            return Merged(moved, told - moved, {guest: ended, member: lives[member].position})

    async def erase(self, member: Entity, now: int) -> Erasure:
        """Leaves nothing of a member but a keyed hash; `now` in milliseconds.

        Raises:
            StorageUnavailable: nothing was erased, or the answer was lost; try again.
        """
        async with self._database.write() as connection:
            lives = await advance(connection, [member])
            rows = select(EntityRow.entity).where(EntityRow.member == str(member))
            guests = [Entity.parse(name) for name in (await connection.execute(rows)).scalars()]
            lives |= await advance(connection, guests)
            names = [str(entity) for entity in lives]
            liked = await _uncount(connection, names)
            events = await connection.execute(delete(EventRow).where(EventRow.entity.in_(names)))
            await connection.execute(delete(ExploredRow).where(ExploredRow.entity.in_(names)))
            users = await connection.execute(delete(UserRow).where(UserRow.user_id == member.id))
            await connection.execute(delete(EntityRow).where(EntityRow.entity.in_(names)))
            await remember_erased(connection, _past(lives.items(), now))
            ended = {entity: _end(life) for entity, life in lives.items()}
            await note_pending(connection, ended)
            await companies.forget(connection, liked)
            return Erasure(events.rowcount, len(guests), users.rowcount > 0, ended)

    async def forget_erasures(self, before: int) -> None:
        """Nothing is left of those that were erased before a time (ms)."""
        async with self._database.write() as connection:
            await connection.execute(delete(ErasedRow).where(ErasedRow.erased_at < before))


async def _uncount(connection: AsyncConnection, names: list[str]) -> Collection[str]:
    """Live popularity goes back by what these did. Returns which items they liked."""
    liked = (
        select(EventRow.item_id, func.count())
        .where(EventRow.entity.in_(names), EventRow.weight > 0)
        .group_by(EventRow.item_id)
    )
    counts = {item_id: -count for item_id, count in await connection.execute(liked)}
    if counts:
        await connection.execute(insert(UncountedRow), {"events": counts})
    return counts


def _past(lives: Iterable[tuple[Entity, Life]], now: int) -> list[tuple[Entity, PastLife]]:
    return [
        (entity, PastLife(_end(life).generation, max(now, life.erased_at)))
        for entity, life in lives
    ]


def _end(life: Life) -> Position:
    return Position(life.position.generation + 1, 0)
