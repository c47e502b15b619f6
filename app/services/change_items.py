"""Change or delete one item; the next recommendation of this worker sees it."""

from collections.abc import Callable

from app.domain import Item
from app.services.parts import Parts
from app.services.sync_catalogue import sync_catalogue


async def change_item(
    parts: Parts, item_id: str, change: Callable[[Item], Item], now: int
) -> tuple[Item, int]:
    """What `change` makes of the item (an empty one if it is unknown), and since which epoch.

    Raises `StorageUnavailable`, and whatever `change` raises.
    """
    item, epoch = await parts.catalogue.change_item(item_id, change)
    await sync_catalogue(parts, now)
    return item, epoch


async def delete_item(parts: Parts, item_id: str, now: int) -> int:
    """The epoch from which on nobody is shown or told of it. Raises `StorageUnavailable`."""
    _, epoch = await change_item(parts, item_id, lambda item: Item(item.item_id, deleted=True), now)
    return epoch
