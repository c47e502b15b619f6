"""Everything that is kept of what one person did, for that person to have."""

from collections.abc import AsyncIterator

from app.domain import Entity, Event
from app.services.parts import Parts

PAGE = 1_000
"""Events held in memory at a time."""


async def export_events(parts: Parts, entity: Entity) -> AsyncIterator[Event]:
    """By event id. Raises `StorageUnavailable`."""
    after: tuple[str, str] | None = None
    while True:
        page = await parts.log.scan(after, PAGE, entity)
        for event in page.events:
            yield event
        after = page.after
        if after is None:
            return
