"""Bring this worker's engine up to the catalogue's newest epoch."""

from app.services.parts import Parts

PAGE = 5_000


async def sync_catalogue(parts: Parts, now: int) -> int:
    """Returns the epoch reached. Raises `StorageUnavailable`.

    One at a time: a slow reader must not lay an older change over a newer one. Nothing is laid
    before the last page: what is between is the state of no epoch.
    """
    engine, catalogue = parts.engine, parts.catalogue
    async with parts.syncing:
        page = await catalogue.changes((engine.epoch + 1, ""), PAGE)
        items = list(page.items)
        while page.after is not None:
            page = await catalogue.changes(page.after, PAGE)
            items += page.items
        await engine.update_items(items, page.standing.epoch, now, page.standing.events)
        return engine.epoch
