"""The event log on both databases."""

import asyncio

from app.domain import Entity, Event, Namespace, Position
from app.stores.event_log import EventLog


async def test_smoke(log: EventLog) -> None:
    e = Entity(Namespace.USER, "a")
    appended = await log.append([Event(e, "1", "i", "click", 0.5, 1000)])
    assert appended.new == (True,)
