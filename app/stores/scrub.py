"""Clear what deleted rows leave behind in pages and append-only files."""

import sqlite3
from asyncio import to_thread
from contextlib import closing

from sqlalchemy import text

from app.errors import StorageUnavailable
from app.stores.database import create_engine, locate, reachable
from app.stores.redis import Redis
from app.stores.tables import EntityRow, EventRow, ExploredRow, PendingRow, UserRow

LOCK_SECONDS = 60.0
PERSONAL = (EventRow, EntityRow, PendingRow, UserRow, ExploredRow)
"""Tables that name people."""


async def scrub_database(url: str, namespace: str) -> None:
    """Rewrites what names people. On PostgreSQL each table is locked while it is rewritten.

    Raises:
        StorageUnavailable: it cannot be reached, or others keep it locked for a minute.
    """
    located = locate(url, namespace)
    if located.get_backend_name() == "sqlite":
        await to_thread(_scrub_sqlite, located.database or "")
        return
    engine = create_engine(url, namespace, connections=1)
    try:
        with reachable():
            async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as opened:
                await opened.execute(text(f"SET lock_timeout = '{LOCK_SECONDS:g}s'"))
                for row in PERSONAL:
                    await opened.execute(text(f"VACUUM (FULL) {row.__tablename__}"))
    finally:
        await engine.dispose()


async def scrub_redis(redis: Redis) -> bool:
    """Begins to rewrite its append-only file, if it keeps one; whether it does.

    Raises:
        StorageUnavailable: it cannot be reached.
    """
    [reply] = await redis.run([("CONFIG", "GET", "appendonly")])
    keeps_one = isinstance(reply, list) and b"yes" in reply
    if keeps_one:
        await redis.run([("BGREWRITEAOF",)])
    return keeps_one


def _scrub_sqlite(path: str) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)) as opened:
            opened.execute("PRAGMA secure_delete = ON")
            opened.execute("VACUUM")
            busy, *_ = opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise StorageUnavailable("database") from error
    if busy:
        raise StorageUnavailable("database")
