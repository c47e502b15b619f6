"""The commands of docs/operations.md that back up and restore, run as they stand."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest_asyncio

from app.domain import Scope
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.schema import upgrade
from tests.generated import save_generated
from tests.integration.served import Served, item_ids, like, recommended, support
from tests.servers import PostgresServer, find_initdb

GUIDE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
SECTION = GUIDE.split("## Backup and restore\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)


BACKUP = "backup/20261124T120000Z"


async def run(block: str, folder: Path, environment: dict[str, str]) -> None:
    """Restoring is another day's work: it is told where the backup is."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", re.sub(r'"backup/\$\(.*?\)"', BACKUP, block)),
        cwd=folder,
        env={**os.environ, **environment, "BACKUP": BACKUP},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-2_000:]


def environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    tools = (Path(sys.executable).parent, find_initdb().parent)
    return {
        "PATH": os.pathsep.join([*map(str, tools), os.environ["PATH"]]),
        "THAW_STATE": str(folder / "var"),
        "THAW_DATABASE__URL": database_url,
        "THAW_REDIS__URL": redis_url,
        "THAW_WEIGHTS__DIRECTORY": str(folder / "var" / "weights"),
        "THAW_ENGINE__DEADLINE_MS": "30000",  # a busy test machine must not decide the mode
    }


async def prepared(folder: Path, environment: dict[str, str]) -> Served:
    """A service that is not yet started, with an empty database and one version of weights."""
    url = environment["THAW_DATABASE__URL"]
    save_generated(folder / "var" / "weights")
    await upgrade(url, "thaw")
    database = await Database.open(url, "thaw")
    keys: dict[str, str] = {
        scope: (await ApiKeys(database).create(scope, "test")).text for scope in Scope
    }
    await database.close()
    return Served(environment, keys, folder / "log")


async def tell_the_story(service: Served, folder: Path, blocks: Sequence[str]) -> None:
    """Back up while it serves, let more happen, lose it, restore: as it was, with the same keys."""
    back_up, restore = blocks
    await service.start()
    try:
        async with service.client("server") as client:
            await like(client, "ann", "i001", "before")
            before = await recommended(client, "ann")
            await run(back_up, folder, service.environment)
            await like(client, "ann", "i002", "after")
            await like(client, "bob", "i003", "new")
            assert support(await recommended(client, "ann")) == 2
        await asyncio.to_thread(service.stop)
        await run(restore, folder, service.environment)
        await service.start()
        async with service.client("server") as client:
            after = await recommended(client, "ann")
            assert (support(after), item_ids(after)) == (1, item_ids(before))
            assert support(await recommended(client, "bob")) == 0
            told = await like(client, "ann", "i002", "after")
            assert told["accepted"] == 1
            assert support(await recommended(client, "ann")) == 2
    finally:
        await asyncio.to_thread(service.stop)


async def test_sqlite(tmp_path: Path) -> None:
    given = environment(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/var/thaw.db", "embedded")
    service = await prepared(tmp_path, given)
    await tell_the_story(service, tmp_path, BLOCKS[:2])


@pytest_asyncio.fixture
async def own_postgres() -> AsyncIterator[PostgresServer]:
    """It is dropped and made again."""
    server = await asyncio.to_thread(PostgresServer)
    yield server
    await asyncio.to_thread(server.stop)


async def test_postgresql(tmp_path: Path, own_postgres: PostgresServer, valkey_url: str) -> None:
    url = own_postgres.url("postgres")
    given = environment(tmp_path, url, valkey_url)
    given["DATABASE"] = url.replace("+asyncpg", "")
    service = await prepared(tmp_path, given)
    await tell_the_story(service, tmp_path, BLOCKS[2:])


def test_every_block_is_run() -> None:
    assert len(BLOCKS) == 4
    assert ["var/thaw.db" in block for block in BLOCKS] == [True, True, False, False]
