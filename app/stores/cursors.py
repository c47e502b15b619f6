"""Lists that are turned over in pages, kept for half an hour."""

from secrets import token_hex
from typing import NamedTuple

from pydantic_core import from_json, to_json

from app.stores import keys
from app.stores.redis import Redis

LIFETIME_SECONDS = 30 * 60


class Listed(NamedTuple):
    """An item in a list."""

    item_id: str
    score: float
    source: str
    propensity: float | None
    """With exploration: how likely it was to be drawn for its rank, given those before it."""


class Frozen(NamedTuple):
    """What a list was when its first page left."""

    owner: str
    items: list[Listed]
    """Best first."""
    seed: int | None
    """Of the exploration, if there was any."""


class Cursors:
    def __init__(self, redis: Redis, namespace: str) -> None:
        self._redis = redis
        self._namespace = namespace

    async def keep(self, frozen: Frozen) -> str:
        """The name it is found by. Raises `StorageUnavailable`."""
        name = token_hex(12)
        key, content = keys.cursor(self._namespace, name), to_json(frozen)
        await self._redis.run([("SET", key, content, "EX", LIFETIME_SECONDS)])
        return name

    async def find(self, name: str) -> Frozen | None:
        """None where nothing of that name is kept, any more. Raises `StorageUnavailable`."""
        [content] = await self._redis.run([("GET", keys.cursor(self._namespace, name))])
        if not isinstance(content, bytes):
            return None
        try:
            owner, items, seed = from_json(content)
            return Frozen(owner, [Listed(*item) for item in items], seed)
        except (TypeError, ValueError):
            return None  # another version of the service froze it
