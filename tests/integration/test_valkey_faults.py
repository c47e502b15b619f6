"""Valkey killed, emptied, frozen, cut off: lists stay right, nothing stale is called fresh."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from app.stores.embedded_valkey import EmbeddedValkey
from tests.generated import generated_ids, save_generated
from tests.integration.served import Served, item_ids, like, recommended, support, until

ITEMS = generated_ids()


async def test_kill_9_and_an_empty_memory_change_no_list(
    replica: Callable[[str], Served], weights_directory: Path, fragile_valkey: EmbeddedValkey
) -> None:
    save_generated(weights_directory)
    service = replica(fragile_valkey.url)
    await service.start()
    users = [f"user-{n}" for n in range(30)]
    async with service.client("server") as client:
        for user in users:
            for item in Random(user).sample(ITEMS, 8):
                await like(client, user, item, event_id=f"{user}-{item}")
        before = {user: item_ids(await recommended(client, user)) for user in users}
        killed = fragile_valkey.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        during = {user: await recommended(client, user) for user in users}
        await until(lambda: fragile_valkey.pid not in (killed, None))
        await asyncio.sleep(1.5)
        after = {user: await recommended(client, user) for user in users}
    assert {user: item_ids(answer) for user, answer in during.items()} == before
    assert {user: item_ids(answer) for user, answer in after.items()} == before
    assert all(answer["personalization"]["mode"] == "adapted" for answer in during.values())
    assert [answer["degraded"] for answer in after.values()] == [None] * len(users)


async def test_an_event_taken_while_valkey_is_frozen_is_in_every_later_answer(
    replica: Callable[[str], Served], weights_directory: Path, fragile_valkey: EmbeddedValkey
) -> None:
    """The commit succeeds, the apply cannot; then Valkey wakes up with the old window."""
    save_generated(weights_directory)
    service = replica(fragile_valkey.url)
    await service.start()
    assert fragile_valkey.pid is not None
    async with service.client("server") as client:
        await like(client, "u", ITEMS[3], event_id="1")
        assert support(await recommended(client, "u")) == 1
        os.kill(fragile_valkey.pid, signal.SIGSTOP)
        try:
            await like(client, "u", ITEMS[4], event_id="2")
            frozen = await recommended(client, "u")
        finally:
            os.kill(fragile_valkey.pid, signal.SIGCONT)
        awake = [await recommended(client, "u") for _ in range(50)]
    assert support(frozen) == 2
    assert [support(answer) for answer in awake] == [2] * 50


async def test_a_replica_that_reaches_valkey_learns_what_a_cut_off_one_took(
    replica: Callable[[str], Served],
    weights_directory: Path,
    fragile_valkey: EmbeddedValkey,
    tmp_path: Path,
) -> None:
    save_generated(weights_directory)
    async with proxy(fragile_valkey.socket, tmp_path / "cut.sock") as cut:
        cut_off, connected = replica(f"unix://{tmp_path / 'cut.sock'}"), replica(fragile_valkey.url)
        await asyncio.gather(cut_off.start(), connected.start())
        async with cut_off.client("server") as writer, connected.client("server") as reader:
            await like(writer, "u", ITEMS[3], event_id="1")
            await recommended(reader, "u")
            cut()
            for n in range(4, 14):
                await like(writer, "u", ITEMS[n], event_id=str(n))
                answers = [await recommended(reader, "u"), await recommended(writer, "u")]
                assert [support(answer) for answer in answers] == [n - 2, n - 2]
                assert answers[0]["degraded"] is None


@asynccontextmanager
async def proxy(behind: Path, front: Path) -> AsyncIterator[Callable[[], None]]:
    """A Unix socket that leads to another one, until the function it yields is called."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []
    reachable = True

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not reachable:
            writer.transport.abort()
            return
        there = await asyncio.open_unix_connection(behind)
        writers.extend([writer, there[1]])
        for pair in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(pump(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    def cut() -> None:
        nonlocal reachable
        reachable = False
        for writer in writers:
            writer.transport.abort()

    server = await asyncio.start_unix_server(connect, front)
    try:
        yield cut
    finally:
        cut()
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)
