"""Bring this worker's engine up to the catalogue's newest epoch."""

from collections.abc import Sequence

from app.domain import Item
from app.services.parts import Parts
from app.stores.catalogue import CatalogueChange

PAGE = 5_000


async def sync_catalogue(parts: Parts, now: int) -> int:
    """Returns the epoch reached. Raises `StorageUnavailable`.

    One at a time: a slow reader must not lay an older change over a newer one.
    """
    engine, catalogue = parts.engine, parts.catalogue
    async with parts.syncing:
        if engine.epoch == 0:
            epoch = await catalogue.epoch()
            async for page in catalogue.all_items():
                await engine.update_items(_items(page), 0, now)
            await engine.update_items((), epoch, now)
        while changes := await catalogue.changes(engine.epoch, PAGE):
            await engine.update_items(_items(changes), changes[-1].epoch, now)
        return engine.epoch


def _items(changes: Sequence[CatalogueChange]) -> list[Item]:
    return [
        Item(
            item_id=change.item_id,
            hidden=change.hidden,
            available_from=change.available_from,
            available_until=change.available_until,
        )
        for change in changes
    ]
