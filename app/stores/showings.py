"""What was shown in which list, and what came of it: events joined by their request id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select

from app.domain import CLICK, IMPRESSION, Entity
from app.stores.database import Database
from app.stores.tables import EntityRow, EventRow

EVENTS_LIMIT = 500_000
"""Events that are read for one report, the newest; a few seconds' work."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A list as its events tell it. Each item counts once, however often something happened."""

    entity: Entity
    request_id: str
    impressions: int
    """Items that were seen."""
    clicks: int
    """Of these, those that were clicked."""
    positives: int
    """Of these, those with an event of positive weight."""
    untold: int
    """Items with such an event, of which no impression tells."""


@dataclass(frozen=True, slots=True)
class Showings:
    lists: Sequence[Showing]
    guests: Mapping[Entity, Sequence[Entity]]
    """Whom the members among their entities were before."""
    events: int
    since: int
    """Time (ms) from which on nothing is missing."""


class ShowingLog:
    def __init__(self, database: Database, *, events_limit: int = EVENTS_LIMIT) -> None:
        self._database = database
        self._events_limit = events_limit

    async def read(self, since: int, until: int) -> Showings:
        """Of the events between two times (ms). Raises `StorageUnavailable`."""
        recent = (
            select(
                EventRow.entity,
                EventRow.request_id,
                EventRow.item_id,
                EventRow.type,
                EventRow.weight,
                EventRow.timestamp,
            )
            .where(EventRow.request_id.is_not(None), EventRow.timestamp.between(since, until))
            .order_by(EventRow.timestamp.desc())
            .limit(self._events_limit)
        )
        members = select(EntityRow.member, EntityRow.entity).where(
            EntityRow.member.in_(select(recent.subquery().c.entity))
        )
        guests: dict[Entity, list[Entity]] = {}
        async with self._database.read() as connection:
            rows = (await connection.execute(_by_list(recent))).all()
            for member, guest in await connection.execute(members):
                assert member is not None
                guests.setdefault(Entity.parse(member), []).append(Entity.parse(guest))
        events = sum(int(row.events) for row in rows)
        cut = events >= self._events_limit
        return Showings(
            lists=[
                Showing(
                    Entity.parse(row.entity),
                    row.request_id,
                    int(row.impressions),
                    int(row.clicks),
                    int(row.positives),
                    int(row.untold),
                )
                for row in rows
            ],
            guests=guests,
            events=events,
            since=min(int(row.oldest) for row in rows) if cut else since,
        )


def _by_list(
    recent: Select[str, str | None, str, str, float, int],
) -> Select[*tuple[Any, ...]]:
    told = recent.subquery()
    item = (
        select(
            told.c.entity,
            told.c.request_id,
            func.max(case((told.c.type == IMPRESSION, 1), else_=0)).label("shown"),
            func.max(case((told.c.type == CLICK, 1), else_=0)).label("clicked"),
            func.max(case((told.c.weight > 0, 1), else_=0)).label("positive"),
            func.count().label("events"),
            func.min(told.c.timestamp).label("oldest"),
        )
        .group_by(told.c.entity, told.c.request_id, told.c.item_id)
        .subquery()
    )
    return select(
        item.c.entity,
        item.c.request_id,
        func.sum(item.c.shown).label("impressions"),
        func.sum(item.c.shown * item.c.clicked).label("clicks"),
        func.sum(item.c.shown * item.c.positive).label("positives"),
        func.sum((1 - item.c.shown) * item.c.positive).label("untold"),
        func.sum(item.c.events).label("events"),
        func.min(item.c.oldest).label("oldest"),
    ).group_by(item.c.entity, item.c.request_id)
