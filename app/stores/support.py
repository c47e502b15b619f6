"""Support windows and fast weights in Redis: a fast copy of what SQL knows.

A window is exact at its position: it is the union of all events up to there, beside the properties
that its entity has there. A writer that knows one for a newer position places it, and one that does
not places a *tombstone*: readers that find that, or nothing, rebuild the window from SQL and
install it.

Redis may lose its memory at any time. So only a reader that finds nothing makes a key, with a
*claim* (a tombstone at the very beginning) that is unlike any other and stays as long as the key.
Whoever saw the claim before it read what its window is made of may place that window under it;
what was made for a key that is gone is not taken for exact under the next one.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, cast

from app.domain import Entity, FastWeights, PlacedWindow, Position
from app.errors import StorageUnavailable
from app.stores import keys
from app.stores.append import WindowWrite
from app.stores.codec import (
    pack_fast,
    pack_placed,
    unpack_fast,
    unpack_stored,
)
from app.stores.redis import Call, Redis, Script

Outcome = Literal["stored", "invalidated", "kept", "outdated", "refused", "missing"]

PLACE_WINDOW = Script("place_window")
PUT_FAST_WEIGHTS = Script("put_fast_weights")
TOMBSTONE_SECONDS = 600
KEEPING_LIMIT = 64
"""Messages with fast weights under way; those of more are lost."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`placed` is None where the window must be rebuilt; `claim` is for its `install`, and empty
    where Redis was not asked.
    """

    placed: PlacedWindow | None
    fast: FastWeights | None
    claim: str = ""


class SupportStore:
    """Every method raises `StorageUnavailable("redis")` when Redis fails, within a deadline."""

    def __init__(self, redis: Redis, namespace: str, ttl_seconds: int) -> None:
        self._redis = redis
        self._namespace = namespace
        self._ttl_ms = ttl_seconds * 1000
        self._tombstone_ms = min(TOMBSTONE_SECONDS * 1000, self._ttl_ms)
        self._kept: list[Call] = []
        self._keeping: set[asyncio.Task[None]] = set()

    async def load(self, entities: Sequence[Entity]) -> list[Remembered]:
        """Windows and fast weights in one round trip (a second one claims what is missing)."""
        replies = await self._redis.run(
            [("MGET", self._window(entity), self._fast(entity)) for entity in entities]
        )
        pairs = [cast(list[bytes | None], reply) for reply in replies]
        lacking = [e for e, (window, _) in zip(entities, pairs, strict=True) if window is None]
        fresh = secrets.token_hex(8) if lacking else ""
        await self._claim(lacking, fresh)
        remembered = []
        for window, fast in pairs:
            placed, claim = unpack_stored(window) if window else (None, fresh)
            remembered.append(Remembered(placed, unpack_fast(fast) if fast else None, claim))
        return remembered

    async def merge(self, writes: Sequence[WindowWrite]) -> list[Outcome]:
        """Brings Redis to the `after` of each write. Whatever the outcome, what Redis holds then
        is not older than that, or is a tombstone, or nothing. Never asks SQL.
        """
        if not writes:
            return []
        replies = await self._redis.run([("GET", self._window(write.entity)) for write in writes])
        return await self._place(
            [
                self._call(write.entity, write.after, *_merged(cast(bytes | None, reply), write))
                for reply, write in zip(replies, writes, strict=True)
            ]
        )

    async def install(self, entity: Entity, placed: PlacedWindow, claim: str) -> Outcome:
        """Offers a window that was rebuilt from SQL after the `load` that gave `claim`. When the
        outcome is "outdated" or "refused", SQL has moved on: rebuild again before answering from
        it.
        """
        call = self._call(entity, placed.position, placed, claim)
        return (await self._place([call]))[0]

    async def invalidate(self, positions: Mapping[Entity, Position]) -> list[Outcome]:
        """Leaves nothing older than these positions: what is older becomes a tombstone."""
        return await self._place(
            [self._call(entity, position) for entity, position in positions.items()]
        )

    async def forget(self, positions: Mapping[Entity, Position]) -> None:
        """Leaves neither windows nor fast weights older than these positions."""
        await self.invalidate(positions)
        await self._redis.run([("DEL", self._fast(entity)) for entity in positions])

    async def put_fast(self, entity: Entity, position: Position, fast: FastWeights) -> Outcome:
        call = self._fast_call(entity, position, fast)
        return cast(Outcome, (await self._redis.call(PUT_FAST_WEIGHTS, [call]))[0])

    def keep_fast(self, entity: Entity, position: Position, fast: FastWeights) -> None:
        """Puts fast weights without letting anybody wait. What Redis does not take is lost: whoever
        needs them computes them again.
        """
        if not self._kept:
            asyncio.get_running_loop().call_soon(self._put_kept)
        self._kept.append(self._fast_call(entity, position, fast))

    def _put_kept(self) -> None:
        """What all callers gave in one turn of the event loop."""
        calls, self._kept = self._kept, []
        if len(self._keeping) < KEEPING_LIMIT:
            task = asyncio.create_task(self._keep(calls), name="keep-fast-weights")
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def _keep(self, calls: Sequence[Call]) -> None:
        with suppress(StorageUnavailable):
            await self._redis.call(PUT_FAST_WEIGHTS, calls)

    async def settle(self) -> None:
        """Waits for what is being kept."""
        while self._kept or self._keeping:
            await asyncio.sleep(0)
            await asyncio.gather(*self._keeping)

    async def ping(self) -> None:
        await self._redis.ping()

    async def used_bytes(self) -> int:
        """Memory of all servers together, whoever uses it."""
        return await self._redis.used_bytes()

    async def _claim(self, entities: Sequence[Entity], claim: str) -> None:
        if entities:
            await self._redis.run(
                [
                    ("SET", self._window(entity), f"0 0 {claim} ", "NX", "PX", self._tombstone_ms)
                    for entity in entities
                ]
            )

    async def _place(self, calls: Sequence[Call]) -> list[Outcome]:
        return cast(list[Outcome], await self._redis.call(PLACE_WINDOW, calls))

    def _call(
        self,
        entity: Entity,
        position: Position,
        placed: PlacedWindow | None = None,
        claim: str = "",
    ) -> Call:
        lasting = placed is not None and position.version > 0
        return (
            [self._window(entity)],
            [
                position.generation,
                position.version,
                pack_placed(placed) if placed is not None else b"",
                claim,
                self._ttl_ms if lasting else self._tombstone_ms,
            ],
        )

    def _fast_call(self, entity: Entity, position: Position, fast: FastWeights) -> Call:
        return (
            [self._window(entity), self._fast(entity)],
            [position.generation, pack_fast(fast), self._ttl_ms],
        )

    def _window(self, entity: Entity) -> str:
        return keys.window(self._namespace, entity)

    def _fast(self, entity: Entity) -> str:
        return keys.fast_weights(self._namespace, entity)


def _merged(stored: bytes | None, write: WindowWrite) -> tuple[PlacedWindow | None, str]:
    """The exact window at `write.after` and the claim it holds under; None where it cannot be
    known from `stored`.
    """
    placed, claim = unpack_stored(stored) if stored else (None, "")
    if placed is None or placed.position != write.before:
        return None, claim
    window = placed.window.union(write.window)
    return replace(placed, window=window, position=write.after), claim
