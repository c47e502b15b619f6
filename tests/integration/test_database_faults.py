"""A PostgreSQL that hangs or goes away while it is in use."""

import os
import signal
import sys

import pytest

from app.errors import StorageUnavailable
from app.stores import database as database_module
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.schema import upgrade
from tests.app.stores.given import ANN, SEEN, click, window
from tests.servers import PostgresServer


async def test_connections_that_died_are_replaced(log: EventLog, database: Database) -> None:
    """What a restart of the server looks like from here."""
    await log.append([click(ANN, 1)])
    async with database.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'thaw:thaw' AND pid <> pg_backend_pid()"
            )
    assert (await log.append([click(ANN, 2)])).new == (True,)
    assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1), click(ANN, 2))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_frozen_server_is_told_and_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    server = PostgresServer()
    try:
        await upgrade(server.url("postgres"), "thaw")
        database = await Database.open(server.url("postgres"), "thaw")
        log = EventLog(database)
        log.start()
        await log.append([click(ANN, 1)])
        monkeypatch.setattr(database_module, "READ_SECONDS", 0.2)
        monkeypatch.setattr(database_module, "PING_SECONDS", 0.2)
        for pid in server.processes():
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(StorageUnavailable):
            await log.window(ANN, SEEN)
        with pytest.raises(StorageUnavailable):
            await database.ping()
        for pid in server.processes():
            os.kill(pid, signal.SIGCONT)
        monkeypatch.undo()
        assert (await log.window(ANN, SEEN)).window == window(click(ANN, 1))
        await log.close()
        await database.close()
    finally:
        server.stop()
