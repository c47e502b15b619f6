"""Create or change items; the next recommendation of this worker sees them."""

from collections.abc import Sequence

from app.domain import Item
from app.services.parts import Parts
from app.services.sync_catalogue import sync_catalogue


async def put_items(parts: Parts, items: Sequence[Item], now: int) -> int:
    """Replace `items` whole. Returns the catalogue epoch at which they hold.

    Raises `StorageUnavailable`.
    """
    epoch = await parts.catalogue.put_items(items)
    await sync_catalogue(parts, now)
    return epoch
