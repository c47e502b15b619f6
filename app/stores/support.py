"""Support windows and fast weights in Redis: a fast copy of what SQL knows.

A window is exact at its position: it is the union of all events up to there. So whoever can write
an exact window for a newer position may simply place it, and whoever cannot places a *tombstone*:
readers that find one, or nothing, rebuild the window from SQL and install it. A reader that finds
nothing first leaves a *claim* (a tombstone at the very beginning), and a rebuild is installed only
where something still lies: so a rebuild that began before Redis lost its memory changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from app.domain import Entity, FastWeights, PlacedWindow, Position, Window
from app.stores import keys
from app.stores.append import WindowWrite
from app.stores.codec import (
    pack_fast,
    pack_window,
    unpack_fast,
    unpack_placed_window,
)
from app.stores.redis import Call, Redis, Script

Outcome = Literal["stored", "invalidated", "kept", "outdated", "refused", "unclaimed"]

PLACE_WINDOW = Script("place_window")
PUT_FAST_WEIGHTS = Script("put_fast_weights")
TOMBSTONE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Remembered:
    """`placed` is None where the window must be rebuilt."""

    placed: PlacedWindow | None
    fast: FastWeights | None

    def fast_for(self, weights_version: str, window: Window) -> FastWeights | None:
        """The fast weights, if they belong to this window and this version of the weights."""
        if self.fast and (self.fast.weights_version, self.fast.digest) == (
            weights_version,
            window.digest,
        ):
            return self.fast
        return None


class SupportStore:
    """Every method raises `StorageUnavailable("redis")` when Redis fails, within a deadline."""

    def __init__(self, redis: Redis, namespace: str, ttl_seconds: int) -> None:
        self._redis = redis
        self._namespace = namespace
        self._ttl_ms = ttl_seconds * 1000
        self._tombstone_ms = min(TOMBSTONE_SECONDS * 1000, self._ttl_ms)

    async def load(self, entities: Sequence[Entity]) -> list[Remembered]:
        """Windows and fast weights in one round trip (a second one claims what is missing)."""
        replies = await self._redis.run(
            [("MGET", self._window(entity), self._fast(entity)) for entity in entities]
        )
        pairs = [cast(list[bytes | None], reply) for reply in replies]
        await self._claim(
            [e for e, (window, _) in zip(entities, pairs, strict=True) if window is None]
        )
        return [
            Remembered(
                unpack_placed_window(window) if window else None,
                unpack_fast(fast) if fast else None,
            )
            for window, fast in pairs
        ]

    async def merge(self, writes: Sequence[WindowWrite]) -> list[Outcome]:
        """Brings Redis to the `after` of each write. Whatever the outcome, what Redis holds then
        is not older than that, or is a tombstone. Never asks SQL.
        """
        if not writes:
            return []
        replies = await self._redis.run([("GET", self._window(write.entity)) for write in writes])
        return await self._place(
            [
                self._call(write.entity, write.after, _merged(cast(bytes | None, reply), write))
                for reply, write in zip(replies, writes, strict=True)
            ]
        )

    async def install(self, entity: Entity, placed: PlacedWindow) -> Outcome:
        """Offers a window rebuilt from SQL, after a `load` that lacked it. When the outcome is
        "outdated" or "refused", SQL has moved on: rebuild again before answering from it.
        """
        call = self._call(entity, placed.position, placed.window, claimed=True)
        return (await self._place([call]))[0]

    async def invalidate(self, positions: Mapping[Entity, Position]) -> list[Outcome]:
        """Leaves nothing older than these positions: what is older becomes a tombstone."""
        return await self._place(
            [self._call(entity, position, None) for entity, position in positions.items()]
        )

    async def put_fast(self, entity: Entity, position: Position, fast: FastWeights) -> Outcome:
        call: Call = (
            [self._window(entity), self._fast(entity)],
            [position.generation, pack_fast(fast), self._ttl_ms],
        )
        return cast(Outcome, (await self._redis.call(PUT_FAST_WEIGHTS, [call]))[0])

    async def ping(self) -> None:
        await self._redis.ping()

    async def _claim(self, entities: Sequence[Entity]) -> None:
        if entities:
            await self._redis.run(
                [
                    ("SET", self._window(entity), "0 0 ", "NX", "PX", self._tombstone_ms)
                    for entity in entities
                ]
            )

    async def _place(self, calls: Sequence[Call]) -> list[Outcome]:
        return cast(list[Outcome], await self._redis.call(PLACE_WINDOW, calls))

    def _call(
        self,
        entity: Entity,
        position: Position,
        window: Window | None,
        *,
        claimed: bool = False,
    ) -> Call:
        lasting = window is not None and position.version > 0
        return (
            [self._window(entity)],
            [
                position.generation,
                position.version,
                pack_window(window) if window is not None else b"",
                self._ttl_ms if lasting else self._tombstone_ms,
                int(claimed),
            ],
        )

    def _window(self, entity: Entity) -> str:
        return keys.window(self._namespace, entity)

    def _fast(self, entity: Entity) -> str:
        return keys.fast_weights(self._namespace, entity)


def _merged(stored: bytes | None, write: WindowWrite) -> Window | None:
    """The exact window at `write.after`, or None where it cannot be known from `stored`."""
    if write.before.version == 0:
        return write.window
    placed = unpack_placed_window(stored) if stored else None
    if placed is None or placed.position != write.before:
        return None
    return placed.window.union(write.window)
