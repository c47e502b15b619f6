"""Migrations and the tables they make."""

import asyncio
import sqlite3
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.domain import Item
from app.errors import StorageUnavailable, TablesMissing
from app.stores import database as database_module
from app.stores.catalogue import Catalogue
from app.stores.database import Database, locate
from app.stores.event_log import EventLog
from app.stores.schema import check, upgrade
from tests.app.stores.given import ANN, click, let_sqlite_threads_end


async def test_migrations_make_the_tables_of_the_code(database_url: str) -> None:
    await check(database_url, "thaw")


async def test_upgrading_again_changes_nothing(database_url: str, log: EventLog) -> None:
    await log.append([click(ANN, 1)])
    await upgrade(database_url, "thaw")
    assert (await log.scan(None, 10)).events == (click(ANN, 1),)


async def test_two_processes_may_make_a_namespace_at_once(database_url: str) -> None:
    program = (
        "import asyncio, sys; from app.stores.schema import upgrade; "
        "asyncio.run(upgrade(sys.argv[1], 'shop'))"
    )
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, database_url)
        for _ in range(2)
    ]
    assert [await process.wait() for process in both] == [0, 0]
    await check(database_url, "shop")


async def test_who_writes_to_a_file_that_has_no_log_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "thaw.db"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, writer.execute, ("COMMIT",)).start()
    await upgrade(f"sqlite+aiosqlite:///{path}", "thaw")
    writer.close()


async def test_namespaces_do_not_see_each_other(database_url: str) -> None:
    await upgrade(database_url, "shop")
    one, two = [await Database.open(database_url, name) for name in ("thaw", "shop")]
    await Catalogue(one).put_items([Item("a")])
    assert await Catalogue(two).get_item("a") is None
    assert await Catalogue(two).put_items([Item("b")]) == 1
    for each in (one, two):
        await each.close()


def test_a_namespace_of_sqlite_is_a_file() -> None:
    url = "sqlite+aiosqlite:///var/thaw.db"
    assert locate(url, "thaw").database == "var/thaw.db"
    assert locate(url, "shop").database == "var/thaw-shop.db"
    assert locate("postgresql+asyncpg://h/d", "shop").database == "d"


async def test_an_unreachable_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await upgrade("postgresql+asyncpg://nobody@127.0.0.1:1/none", "thaw")
    with pytest.raises(StorageUnavailable):
        await upgrade(f"sqlite+aiosqlite:///{tmp_path}", "thaw")
    let_sqlite_threads_end()


async def test_commits_are_durable(database: Database) -> None:
    async with database.write() as connection:
        if connection.dialect.name == "sqlite":
            pragmas = [
                (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "synchronous", "busy_timeout")
            ]
            assert pragmas == ["wal", 2, 5000]
        else:
            shown = await connection.execute(text("SHOW synchronous_commit"))
            assert shown.scalar_one() == "on"


async def test_events_are_partitioned_by_entity_on_postgresql(database: Database) -> None:
    async with database.read() as connection:
        if connection.dialect.name == "sqlite":
            statement = "SELECT count(*) FROM sqlite_master WHERE name = 'events'"
            expected = 1
        else:
            statement = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"
            expected = 16
        assert (await connection.execute(text(statement))).scalar_one() == expected


async def test_a_database_without_tables_is_told_with_the_cause_logged_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module._causes, "logged_at", float("-inf"))
    monkeypatch.setattr(database_module, "LOG_SECONDS", 3600)
    bare = await Database.open(database_url, "bare")
    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(TablesMissing, match="thaw db upgrade"):
                await bare.ping()
    await bare.close()
    [line] = logs
    assert line["event"] == "database_failed"
    assert "catalogue_epoch" in line["cause"]
