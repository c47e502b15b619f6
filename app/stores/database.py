"""One database: SQLite or PostgreSQL, opened by URL, with snapshots for readers.

A namespace keeps its tables to itself: on PostgreSQL it is a schema, on SQLite a file (the default
namespace uses the file as named, any other NAME-<namespace>).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import event, select
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import StorageUnavailable, TablesMissing
from app.stores.tables import CatalogueEpochRow

DEFAULT_NAMESPACE = "thaw"
READ_SECONDS = 10.0
"""A database that hangs is as good as one that is down."""
PING_SECONDS = 2.0
BUSY_SECONDS = 5
"""How long a connection of SQLite waits for another one's lock."""
_WRITES = "thaw_writes"
_UNREACHABLE = (SQLAlchemyError, OSError, TimeoutError)
_UNDEFINED = ("42P01", "42703")
"""SQLSTATE of a table or column that is not there."""
LOG_SECONDS = 1.0

log = structlog.get_logger(__name__)


def locate(url: str, namespace: str) -> URL:
    """The URL at which a namespace keeps its tables."""
    located = make_url(url)
    if (
        located.get_backend_name() == "sqlite"
        and located.database
        and namespace != DEFAULT_NAMESPACE
    ):
        path = Path(located.database)
        located = located.set(database=str(path.with_stem(f"{path.stem}-{namespace}")))
    return located


def create_engine(url: str, namespace: str, *, connections: int = 8) -> AsyncEngine:
    """An engine with all that makes a commit durable and a read a snapshot."""
    located = locate(url, namespace)
    if located.get_backend_name() == "sqlite":
        if located.database and located.database != ":memory:":
            Path(located.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(located, pool_size=connections, pool_timeout=5)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    engine = create_async_engine(
        located,
        pool_size=connections,
        pool_timeout=5,
        isolation_level="REPEATABLE READ",
        connect_args={
            "timeout": 5,
            "command_timeout": 10,
            "server_settings": {
                "search_path": namespace,
                "synchronous_commit": "on",
                "application_name": f"thaw:{namespace}",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    return engine


def _replace_closed(_: DBAPIConnection, entry: ConnectionPoolEntry, __: object) -> None:
    """A restart of the server closes connections, which asyncpg notices without asking."""
    if entry.driver_connection is not None and entry.driver_connection.is_closed():
        raise DisconnectionError


def writers(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that write: they take the lock first on SQLite, and wait
    for each other row by row on PostgreSQL.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_WRITES: True})
    return engine.execution_options(isolation_level="READ COMMITTED")


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the "begin" listener opens transactions, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={1000 * BUSY_SECONDS}")
    _keep_a_write_ahead_log(cursor)
    for pragma in (
        "synchronous=FULL",
        "wal_autocheckpoint=8000",  # 32 MiB: index pages are met again before they are moved
        "cache_size=-32768",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_a_write_ahead_log(cursor: DBAPICursor) -> None:
    """Two processes that make a database at once get in each other's way here, and it is the one
    lock that SQLite does not wait for.
    """
    give_up_at = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            locked = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not locked or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@dataclass
class _Causes:
    """Logs at most one cause a second: an outage fails every request."""

    logged_at: float = float("-inf")

    def log(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self.logged_at >= LOG_SECONDS:
            self.logged_at = now
            log.warning("database_failed", cause=repr(error))


_causes = _Causes()


@contextmanager
def reachable() -> Iterator[None]:
    """Turns every failure of the database into `StorageUnavailable`, and logs its cause."""
    try:
        yield
    except _UNREACHABLE as error:
        _causes.log(error)
        kind = TablesMissing if _lacks_tables(error) else StorageUnavailable
        raise kind("database") from error


def _lacks_tables(error: Exception) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else None
    state: str | None = getattr(original, "sqlstate", None)
    return state in _UNDEFINED or str(original).startswith(("no such table", "no such column"))


class Database:
    """Opens transactions. Nothing of SQLAlchemy's leaves it but the connection it lends."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock()
        self._writers = writers(engine)
        self._glancing = (
            engine if self._sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    @classmethod
    async def open(cls, url: str, namespace: str) -> "Database":
        """Opens without connecting: a database that is down shows at the first use, or `ping`."""
        return cls(create_engine(url, namespace))

    async def close(self) -> None:
        await self._engine.dispose()

    async def ping(self) -> None:
        """Asks for a row that every migrated database has."""
        with reachable():
            async with asyncio.timeout(PING_SECONDS), self.read() as connection:
                await connection.execute(select(CatalogueEpochRow))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one snapshot of the database."""
        with reachable():
            async with asyncio.timeout(READ_SECONDS), self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """For one statement, which is a snapshot of its own: on PostgreSQL a single round trip."""
        with reachable():
            async with asyncio.timeout(READ_SECONDS), self._glancing.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable once the block is left."""
        with reachable():
            turn = self._turn if self._sqlite else nullcontext()
            async with turn, self._writers.begin() as connection:
                yield connection
