"""API keys: shown once, stored as a hash, verified from a short-lived cache."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import insert, select, update

from app.domain import Scope
from app.errors import StorageUnavailable
from app.stores.database import Database
from app.stores.tables import ApiKeyRow

CACHE_SECONDS = 5.0
CACHE_LIMIT = 10_000
LOOK_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key. Times in milliseconds since 1970."""

    key_id: str
    scope: Scope
    label: str
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    scope: Scope
    secret_sha256: str
    valid: bool


class ApiKeys:
    """Key text: `thaw_<scope>_<id>_<secret>`."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._cache: dict[str, tuple[_Known | None, float]] = {}

    async def create(self, scope: Scope, label: str) -> str:
        """Makes a key and returns its text, which cannot be had again."""
        key_id, secret = secrets.token_hex(8), secrets.token_hex(24)
        async with self._database.write() as connection:
            await connection.execute(
                insert(ApiKeyRow).values(
                    key_id=key_id,
                    scope=scope.value,
                    label=label,
                    secret_sha256=_hash(secret),
                    created_at=_now_ms(),
                    revoked_at=None,
                )
            )
        self._cache.pop(key_id, None)
        return f"thaw_{scope.value}_{key_id}_{secret}"

    async def verify(self, key: str) -> Scope | None:
        """The scope of a valid key. A revoked key may pass for `CACHE_SECONDS` more; while SQL
        is unreachable, keys that were valid before stay so, and one request in `CACHE_SECONDS`
        waits to see whether it is back.

        Raises:
            StorageUnavailable: SQL does not answer, and the key was never seen before.
        """
        parts = key.split("_")
        if len(parts) != 4 or parts[0] != "thaw":
            return None
        _, scope, key_id, secret = parts
        known = await self._look_up(key_id)
        if known is None or not known.valid or known.scope.value != scope:
            return None
        return known.scope if compare_digest(known.secret_sha256, _hash(secret)) else None

    async def list(self) -> list[ApiKey]:
        rows = select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.key_id)
        async with self._database.read() as connection:
            return [
                ApiKey(row.key_id, Scope(row.scope), row.label, row.created_at, row.revoked_at)
                for row in await connection.execute(rows)
            ]

    async def revoke(self, key_id: str) -> bool:
        """Returns whether there was such a key, not revoked before."""
        async with self._database.write() as connection:
            revoked = await connection.execute(
                update(ApiKeyRow)
                .where(ApiKeyRow.key_id == key_id, ApiKeyRow.revoked_at.is_(None))
                .values(revoked_at=_now_ms())
                .returning(ApiKeyRow.key_id)
            )
            found = revoked.first() is not None
        self._cache.pop(key_id, None)
        return found

    async def _look_up(self, key_id: str) -> _Known | None:
        cached = self._cache.get(key_id)
        if cached:
            if self._clock() < cached[1]:
                return cached[0]
            self._keep(key_id, cached[0])  # for everybody else, while this one asks
        try:
            known = await self._ask(key_id)
        except StorageUnavailable:
            if cached:
                return cached[0]
            raise
        self._keep(key_id, known)
        return known

    def _keep(self, key_id: str, known: _Known | None) -> None:
        if len(self._cache) >= CACHE_LIMIT:  # made-up ids must not fill the memory
            self._cache.clear()
        self._cache[key_id] = (known, self._clock() + CACHE_SECONDS)

    async def _ask(self, key_id: str) -> _Known | None:
        """Reads, but is back in time: letting go of a connection that hangs may take longer."""
        reading = asyncio.create_task(self._read(key_id))
        done, _ = await asyncio.wait([reading], timeout=LOOK_UP_SECONDS)
        if not done:
            reading.cancel()
            raise StorageUnavailable("database")
        return reading.result()

    async def _read(self, key_id: str) -> _Known | None:
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(ApiKeyRow).where(ApiKeyRow.key_id == key_id))
            ).one_or_none()
        if row is None:
            return None
        return _Known(Scope(row.scope), row.secret_sha256, row.revoked_at is None)


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
