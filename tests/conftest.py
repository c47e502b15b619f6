"""Shared fixtures: real databases, real Valkey.

THAW_TEST_DATABASE=sqlite|postgresql|both (the default) chooses what `database` runs on.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.stores.database import Database
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.event_log import EventLog
from app.stores.redis import Redis, connect
from app.stores.schema import upgrade
from app.stores.support import SupportStore
from tests.servers import PostgresServer, ValkeyCluster

for part in ("given", "adapting", "learning", "serving"):
    pytest.register_assert_rewrite(f"tests.models.algorithms.{part}")

NAMESPACE = "thaw"
WANTED = os.environ.get("THAW_TEST_DATABASE", "both")
DATABASES = ["sqlite", "postgresql"] if WANTED == "both" else [WANTED]
REDIS_TIMEOUT_MS = 5_000


EMPTY = f"""
DO $$ DECLARE name text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  FOR name IN SELECT nspname FROM pg_namespace
    WHERE nspname NOT IN ('{NAMESPACE}', 'public', 'information_schema')
    AND nspname NOT LIKE 'pg@_%' ESCAPE '@'
  LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
  FOR name IN SELECT relname FROM pg_class
    WHERE relnamespace = '{NAMESPACE}'::regnamespace AND relkind IN ('r', 'p')
    AND NOT relispartition AND relname NOT IN ('alembic_version', 'catalogue_epoch')
  LOOP EXECUTE format('DELETE FROM {NAMESPACE}.%I', name); END LOOP;
  UPDATE {NAMESPACE}.catalogue_epoch SET epoch = 0, events = 0, counted_at = 0;
END $$
"""
# a loaded machine is no reason to fail, and a law is tried the same way by everybody
settings.register_profile("thaw", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("thaw")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    url = postgres.url("postgres")
    run_aside(upgrade(url, NAMESPACE))
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    run_aside(upgrade(f"sqlite+aiosqlite:///{path}", NAMESPACE))
    return path


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database for one test."""
    if request.param == "sqlite":
        path = tmp_path / "thaw.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    url = request.getfixturevalue("migrated_postgres")
    run_aside(empty(url))
    yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, NAMESPACE)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def log(database: Database) -> AsyncIterator[EventLog]:
    started = EventLog(database)
    started.start()
    yield started
    await started.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedValkey]:
    """The server behind `valkey_url`. Do not harm it: tests that do start one of their own."""
    async with await EmbeddedValkey.start(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest_asyncio.fixture
async def valkey_url(valkey: EmbeddedValkey) -> str:
    """An empty Valkey."""
    client = connect(valkey.url, REDIS_TIMEOUT_MS)
    await client.run([("FLUSHALL",)])
    await client.close()
    return valkey.url


@pytest.fixture(scope="session")
def cluster() -> Iterator[ValkeyCluster]:
    started = ValkeyCluster()
    yield started
    started.stop()


@pytest.fixture
def cluster_url(cluster: ValkeyCluster) -> str:
    """An empty Valkey Cluster of three nodes."""
    cluster.flush()
    return cluster.url


@pytest.fixture(params=["standalone", "cluster"])
def redis_url(request: pytest.FixtureRequest, valkey_url: str, cluster_url: str) -> str:
    return valkey_url if request.param == "standalone" else cluster_url


@pytest_asyncio.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client = connect(valkey_url, REDIS_TIMEOUT_MS)
    yield client
    await client.close()


@pytest.fixture
def support(redis: Redis) -> SupportStore:
    return SupportStore(redis, NAMESPACE, ttl_seconds=3600)


async def empty(url: str) -> None:
    """Far cheaper than a database for each test; whoever is still connected is thrown out."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(EMPTY))
    await engine.dispose()


def run_aside(work: Coroutine[object, object, None]) -> None:
    """Runs to the end in a loop and thread of its own: fixtures of both kinds may call it."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
