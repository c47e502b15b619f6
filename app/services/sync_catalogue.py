"""Bring this worker's engine up to the catalogue's newest epoch."""

from app.domain import Item
from app.services.parts import Parts
from app.stores.catalogue import Catalogue, Standing

PAGE = 5_000


async def sync_catalogue(parts: Parts, now: int) -> int:
    """Returns the epoch reached. Raises `StorageUnavailable`.

    One at a time: a slow reader must not lay an older change over a newer one. Nothing is laid
    before the last page: what is between is the state of no epoch.
    """
    engine, catalogue = parts.engine, parts.catalogue
    async with parts.syncing:
        items, standing = await read_changes(catalogue, engine.epoch)
        await engine.update_items(items, standing.epoch, now, standing.events)
        return engine.epoch


async def read_changes(catalogue: Catalogue, epoch: int) -> tuple[list[Item], Standing]:
    """All items that have changed since `epoch`, and where the catalogue stands then."""
    page = await catalogue.changes((epoch + 1, ""), PAGE)
    items = list(page.items)
    while page.after is not None:
        page = await catalogue.changes(page.after, PAGE)
        items += page.items
    return items, page.standing
