"""API keys: shown once, stored as a hash, verified from a short-lived cache."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Scope
from app.errors import LastAdminKey, NotFound, StorageUnavailable
from app.stores.database import Database
from app.stores.tables import ApiKeyRow

CACHE_SECONDS = 5.0
CACHE_LIMIT = 10_000
LOOK_UP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be shown of a key. Times in milliseconds since 1970. After a rotation the secret
    before is good until `previous_until`.
    """

    key_id: str
    scope: Scope
    label: str
    created_at: int
    revoked_at: int | None
    previous_until: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its text, which cannot be had again."""

    key: ApiKey
    text: str


@dataclass(frozen=True, slots=True)
class _Known:
    scope: Scope
    secret_sha256: str
    valid: bool
    previous_sha256: str
    previous_until: int

    def opens(self, secret: str, now: int) -> bool:
        """Compares with both secrets, in a time that tells nothing of either."""
        told = _hash(secret)
        is_current = compare_digest(self.secret_sha256, told)
        is_previous = compare_digest(self.previous_sha256, told)
        return self.valid and (is_current or (is_previous and now < self.previous_until))


class ApiKeys:
    """Key text: `thaw_<scope>_<id>_<secret>`."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._database = database
        self._clock = clock
        self._now_ms = now_ms
        self._cache: dict[str, tuple[_Known | None, float]] = {}

    async def create(self, scope: Scope, label: str) -> NewKey:
        key_id, secret = secrets.token_hex(8), _new_secret()
        key = ApiKey(key_id, scope, label, self._now_ms(), None)
        async with self._database.write() as connection:
            await connection.execute(
                insert(ApiKeyRow).values(
                    key_id=key_id,
                    scope=scope.value,
                    label=label,
                    secret_sha256=_hash(secret),
                    created_at=key.created_at,
                )
            )
        self._cache.pop(key_id, None)
        return NewKey(key, _text(key, secret))

    async def rotate(self, key_id: str, grace_ms: int) -> NewKey:
        """Gives the key a new secret; the one before opens for `grace_ms` more, any older one no
        longer.

        Raises:
            NotFound: there is no such key, or it is revoked.
        """
        secret, now = _new_secret(), self._now_ms()
        change = {
            "previous_sha256": ApiKeyRow.secret_sha256 if grace_ms else None,
            "previous_until": now + grace_ms if grace_ms else None,
            "secret_sha256": _hash(secret),
        }
        async with self._database.write() as connection:
            changed = await connection.execute(
                update(ApiKeyRow)
                .where(ApiKeyRow.key_id == key_id, ApiKeyRow.revoked_at.is_(None))
                .values(change)
                .returning(ApiKeyRow)
            )
            row = changed.one_or_none()
        if row is None:
            raise NotFound("valid key", key_id)
        self._cache.pop(key_id, None)
        key = _shown(row)
        return NewKey(key, _text(key, secret))

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
        if known is None or known.scope.value != scope:
            return None
        return known.scope if known.opens(secret, self._now_ms()) else None

    async def list(self) -> list[ApiKey]:
        rows = select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.key_id)
        async with self._database.read() as connection:
            return [_shown(row) for row in await connection.execute(rows)]

    async def revoke(self, key_id: str) -> ApiKey:
        """Safe to repeat: a key stays revoked since the first time.

        Raises:
            NotFound: there is no such key.
            LastAdminKey: nobody could make keys any more.
        """
        async with self._database.write() as connection:
            await _keep_an_admin(connection, key_id)
            revoked = await connection.execute(
                update(ApiKeyRow)
                .where(ApiKeyRow.key_id == key_id)
                .values(revoked_at=func.coalesce(ApiKeyRow.revoked_at, self._now_ms()))
                .returning(ApiKeyRow)
            )
            row = revoked.one_or_none()
        if row is None:
            raise NotFound("key", key_id)
        self._cache.pop(key_id, None)
        return _shown(row)

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
        return _Known(
            Scope(row.scope),
            row.secret_sha256,
            row.revoked_at is None,
            row.previous_sha256 or "",
            row.previous_until or 0,
        )


async def _keep_an_admin(connection: AsyncConnection, key_id: str) -> None:
    """The rows stay locked, so that two who revoke each other's key come one after the other."""
    valid = (
        select(ApiKeyRow.key_id)
        .where(ApiKeyRow.scope == Scope.ADMIN.value, ApiKeyRow.revoked_at.is_(None))
        .order_by(ApiKeyRow.key_id)
        .with_for_update()
    )
    if list((await connection.execute(valid)).scalars()) == [key_id]:
        raise LastAdminKey(key_id)


def _shown(row: Row[ApiKeyRow]) -> ApiKey:
    return ApiKey(
        row.key_id,
        Scope(row.scope),
        row.label,
        row.created_at,
        row.revoked_at,
        row.previous_until,
    )


def _text(key: ApiKey, secret: str) -> str:
    return f"thaw_{key.scope.value}_{key.key_id}_{secret}"


def id_of(key: str) -> str:
    """Of the text of a key that was verified."""
    return key.split("_")[2]


def _new_secret() -> str:
    return secrets.token_hex(24)


def _hash(secret: str) -> str:
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()
