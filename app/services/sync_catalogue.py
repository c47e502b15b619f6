"""Bring this worker's engine up to the catalogue's newest epoch."""

from app.domain import Item
from app.services.parts import Parts

PAGE = 5_000


async def sync_catalogue(parts: Parts, now: int) -> int:
    """Returns the epoch reached. Raises `StorageUnavailable`."""
    while changes := await parts.catalogue.changes(parts.engine.epoch, PAGE):
        items = [
            Item(
                item_id=change.item_id,
                hidden=change.hidden,
                available_from=change.available_from,
                available_until=change.available_until,
            )
            for change in changes
        ]
        await parts.engine.update_items(items, changes[-1].epoch, now)
    return parts.engine.epoch
