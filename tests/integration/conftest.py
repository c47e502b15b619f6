"""A running service for each test, on each database, with its own keys and meta-weights."""

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from app.domain import Scope
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.event_log import EventLog
from app.stores.pending import PendingWatch
from app.stores.redis_line import Line
from tests.generated import save_generated
from tests.integration.lines import Cut, Gate
from tests.integration.served import Served


@pytest.fixture
def weights_directory(tmp_path: Path) -> Path:
    return tmp_path / "weights"


@pytest_asyncio.fixture
async def keys(database: Database) -> dict[str, str]:
    store = ApiKeys(database)
    return {scope: (await store.create(scope, "test")).text for scope in Scope}


@pytest_asyncio.fixture
async def fragile_valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey of this test alone, which it may kill or freeze."""
    async with await EmbeddedValkey.start(tmp_path / "fragile") as server:
        yield server


@pytest_asyncio.fixture
async def replica(
    database_url: str, keys: dict[str, str], weights_directory: Path, tmp_path: Path
) -> AsyncIterator[Callable[[str], Served]]:
    """Makes services that share the database and the meta-weights; not yet started."""
    made: list[Served] = []
    numbers = count()

    def make(redis_url: str) -> Served:
        name = f"replica-{next(numbers)}"
        environment = {
            "THAW_STATE": str(tmp_path / name),
            "THAW_DATABASE__URL": database_url,
            "THAW_REDIS__URL": redis_url,
            "THAW_WEIGHTS__DIRECTORY": str(weights_directory),
            "THAW_ENGINE__DEADLINE_MS": "30000",  # a busy test machine must not decide the mode
        }
        made.append(Served(environment, keys, tmp_path / f"{name}.log"))
        return made[-1]

    yield make
    for service in made:
        await asyncio.to_thread(service.stop)


@pytest_asyncio.fixture
async def served(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str
) -> Served:
    """One running service with generated meta-weights over sixty items."""
    save_generated(weights_directory)
    service = replica(valkey_url)
    await service.start()
    return service


@pytest.fixture
def watch(log: EventLog) -> PendingWatch:
    return PendingWatch(log, lease_seconds=30)


@pytest_asyncio.fixture
async def gate(valkey_url: str) -> AsyncIterator[Gate]:
    gate = Gate(Line(valkey_url, 30))
    yield gate
    await gate.close()


@pytest_asyncio.fixture
async def cut(valkey_url: str) -> AsyncIterator[Cut]:
    cut = Cut(Line(valkey_url, 30))
    yield cut
    await cut.close()
