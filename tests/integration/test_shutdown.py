"""SIGTERM: what is under way is answered, and what waits for its commit is kept."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.stores.database import Database
from app.stores.event_log import EventLog
from tests.generated import save_generated
from tests.integration.served import Served, like, recommended, until

EVENTS = 20


class Sent:
    """Counts the requests that have left a client with their whole body."""

    def __init__(self) -> None:
        self.requests = 0
        self.all = asyncio.Event()

    async def trace(self, event: str, _: object) -> None:
        if event == "http11.send_request_body.complete":
            self.requests += 1
            if self.requests == EVENTS:
                self.all.set()


async def tell(client: httpx.AsyncClient, number: int, sent: Sent) -> int:
    event = {"event_id": str(number), "type": "like", "user_id": f"u{number}", "item_id": "i001"}
    answer = await client.post(
        "/v1/events", json={"events": [event]}, extensions={"trace": sent.trace}
    )
    return answer.status_code


class SlowQuestion:
    """A request that stops in the middle of its body."""

    def __init__(self, service: Served) -> None:
        self._service = service
        self._body = json.dumps({"user_id": "u0", "k": 3}).encode()

    async def begin(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._service.port)
        head = (
            "POST /v1/recommendations HTTP/1.1\r\nHost: thaw\r\n"
            f"Authorization: Bearer {self._service.keys['server']}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self._body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + self._body[:5])
        await self._writer.drain()

    async def finish(self) -> bytes:
        self._writer.write(self._body[5:])
        answer = await self._reader.read()
        self._writer.close()
        await self._writer.wait_closed()
        return answer


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_under_way_is_answered_and_kept(
    workers: int,
    replica: Callable[[str], Served],
    weights_directory: Path,
    valkey_url: str,
    database: Database,
    log: EventLog,
) -> None:
    save_generated(weights_directory)
    service = replica(valkey_url)
    service.workers = workers
    await service.start()
    process, sent, question = service.process, Sent(), SlowQuestion(service)
    assert process is not None
    async with service.client("server") as client:
        async with database.write() as connection:  # nobody else can commit
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql("LOCK TABLE events IN EXCLUSIVE MODE")
            telling = [asyncio.create_task(tell(client, n, sent)) for n in range(EVENTS)]
            await question.begin()
            await sent.all.wait()
            for _ in range(3 * workers):  # by then all of the above has been read
                async with service.client("server") as another:
                    assert (await another.get("/livez")).status_code == 200
            process.send_signal(signal.SIGTERM)
            await until(lambda: service.log.read_text().count("Shutting down") == workers)
            under_way = sum(not task.done() for task in telling)
        statuses = await asyncio.gather(*telling)
        assert set(statuses) <= {202, 503}  # 503 where the lock outlasted the database's patience
        assert len(statuses) == EVENTS
        assert statuses.count(202) >= under_way
        assert (await question.finish()).startswith(b"HTTP/1.1 200")
    await asyncio.to_thread(process.wait, 30)
    kept = (await log.scan(None, 100)).events
    acknowledged = {str(number) for number, status in enumerate(statuses) if status == 202}
    assert acknowledged <= {event.event_id for event in kept}


async def test_fast_weights_and_notes_are_settled(served: Served, log: EventLog) -> None:
    """After an orderly end nothing is left for a sweeper."""
    async with served.client("server") as client:
        for number in range(5):
            await like(client, "ann", f"i00{number}", str(number))
        assert (await recommended(client, "ann"))["personalization"]["support"] == 5
    await asyncio.to_thread(served.stop)
    assert not await log.pending(10)
