"""One connection for all: order, refusals, cancelled callers, a line that breaks or hangs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.redis_line import Line
from tests.integration.served import until


@pytest_asyncio.fixture
async def line(valkey_url: str) -> AsyncIterator[Line]:
    line = Line(valkey_url, 5)
    yield line
    await line.close()


@pytest_asyncio.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    async with await EmbeddedValkey.start(tmp_path) as server:
        yield server


async def test_everybody_gets_the_replies_to_their_own_commands(line: Line) -> None:
    async def ask(caller: int) -> list[object]:
        key, value = f"key-{caller}", b"\r\n%d\xff" % caller
        return await line.send([("SET", key, value), ("GET", key), ("STRLEN", key)])

    replies = await asyncio.gather(*(ask(caller) for caller in range(200)))
    told = [b"\r\n%d\xff" % caller for caller in range(200)]
    assert replies == [[b"OK", value, len(value)] for value in told]


async def test_a_refused_command_spoils_no_other(line: Line) -> None:
    refused, unknown, good = await line.send([("GET",), ("EVALSHA", "0" * 40, 0), ("ECHO", "e")])
    assert isinstance(refused, ResponseError)
    assert isinstance(unknown, NoScriptError)
    assert good == b"e"


async def test_who_gives_up_takes_nobody_s_reply_with_them(line: Line) -> None:
    await line.send([("SET", "key", 1)])
    impatient = asyncio.create_task(line.send([("ECHO", "mine")]))
    patient = asyncio.create_task(line.send([("GET", "key")]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == [b"1"]
    assert await line.send([("ECHO", "next")]) == [b"next"]


async def test_what_the_url_says_is_said_to_the_server(valkey_url: str) -> None:
    other = Line(f"{valkey_url}?db=3", 5)
    assert " db=3 " in str(await other.send([("CLIENT", "INFO")]))
    await other.close()
    refused = Line(f"{valkey_url}?password=wrong", 5)
    with pytest.raises(RedisConnectionError, match="AUTH"):
        await refused.send([("PING",)])


async def test_a_server_that_went_away_and_came_back_is_found_again(
    fragile: EmbeddedValkey,
) -> None:
    line = Line(fragile.url, 5)
    assert await line.send([("PING",)]) == [b"PONG"]
    killed = fragile.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await until(lambda: fragile.pid not in (killed, None))
    async with asyncio.timeout(10):
        while True:
            try:
                assert await line.send([("PING",)]) == [b"PONG"]
            except (OSError, RedisConnectionError):
                continue
            break
    await line.close()


async def test_a_reply_that_is_overdue_breaks_the_line_for_all_who_wait(
    fragile: EmbeddedValkey,
) -> None:
    line = Line(fragile.url, 0.2)
    await line.send([("PING",)])
    assert fragile.pid is not None
    os.kill(fragile.pid, signal.SIGSTOP)
    try:
        waiting = [asyncio.create_task(line.send([("PING",)])) for _ in range(3)]
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [TimeoutError] * 3
    finally:
        os.kill(fragile.pid, signal.SIGCONT)
    await line.close()
