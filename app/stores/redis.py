"""One way to talk to Redis or Valkey, standalone or Cluster: bounded in time, typed failures."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from typing import Protocol, TypeAlias

from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.errors import StorageUnavailable
from app.stores.redis_line import Line

CONNECTIONS = 64
PIPELINE = 256
"""Commands in one round trip."""
CLOSED_UNDER_IT = 3
"""How many times redis-py may close a connection under a command before the command fails."""
BREAK_SECONDS = 1.0

Value: TypeAlias = str | bytes | int
Call: TypeAlias = tuple[Sequence[str], Sequence[Value]]
"""KEYS and ARGV of one script call."""


@dataclass(frozen=True)
class Script:
    """A file under lua/."""

    name: str

    @cached_property
    def source(self) -> str:
        return files("app.stores").joinpath("lua", f"{self.name}.lua").read_text()

    @cached_property
    def sha(self) -> str:
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


class Transport(Protocol):
    """Sends independent commands together; a failed one has its exception for a reply.

    Raises `TimeoutError` where that takes a few times its timeout.
    """

    async def send(self, commands: Sequence[Sequence[Value]]) -> list[object]: ...

    async def everywhere(self, command: Sequence[Value]) -> list[object]:
        """The reply of each server, which redis-py may have read already."""
        ...

    async def close(self) -> None: ...


class ClusterTransport:
    """Gathers single commands: the Cluster client refuses EVALSHA in a pipeline.

    When one command fails, redis-py closes the node's free connections, and may close one that
    another command has just taken: that one fails with an AttributeError, and is sent again.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.client = RedisCluster.from_url(
            url.replace("+cluster://", "://", 1),
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 2, (RedisConnectionError,)),
        )
        self._timeout = timeout
        self._slots = asyncio.Semaphore(CONNECTIONS)

    async def send(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        async with asyncio.timeout(2 * self._timeout):
            return await asyncio.gather(
                *(self._send(command) for command in commands), return_exceptions=True
            )

    async def _send(self, command: Sequence[Value]) -> object:
        async with self._slots:
            for _ in range(CLOSED_UNDER_IT):
                with suppress(AttributeError):
                    return await self._execute(command)
            return await self._execute(command)

    async def _execute(self, command: Sequence[Value]) -> object:
        reply: object = await self.client.execute_command(*command)
        return reply

    async def everywhere(self, command: Sequence[Value]) -> list[object]:
        replies = await self.client.execute_command(*command, target_nodes=RedisCluster.PRIMARIES)
        return list(replies.values())

    async def close(self) -> None:
        await self.client.aclose()


def connect(url: str, timeout_ms: int) -> "Redis":
    """Opens `redis://`, `rediss://`, `unix://`, `redis+cluster://` or `rediss+cluster://`.

    Nothing is sent yet: a server that is down shows at the first command.
    """
    timeout = timeout_ms / 1000
    transport: Transport = (
        ClusterTransport(url, timeout) if "+cluster://" in url else Line(url, timeout)
    )
    return Redis(transport, timeout)


class Redis:
    """Commands with a deadline. After a failure it refuses at once for a second, so that a dead
    server costs every request nothing.
    """

    def __init__(
        self,
        transport: Transport,
        timeout: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._clock = clock
        self._broken_until = 0.0

    async def run(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        """The replies to independent commands, `PIPELINE` of them a round trip.

        Raises:
            StorageUnavailable: any of them failed.
        """
        replies = await self._send(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise StorageUnavailable("redis") from reply
        return replies

    async def call(self, script: Script, calls: Sequence[Call]) -> list[str]:
        """Runs a script once for each call; sends its source where a server lacks it."""
        shorts = [_command("EVALSHA", script.sha, call) for call in calls]
        replies = await self._send(shorts)
        lacking = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if lacking:
            longs = [_command("EVAL", script.source, calls[i]) for i in lacking]
            for i, reply in zip(lacking, await self._send(longs), strict=True):
                replies[i] = reply
        return [_text(reply) for reply in replies]

    async def ping(self) -> None:
        """Asks the server whether the breaker is closed or not."""
        self._broken_until = 0.0
        await self.run([("PING",)])

    async def used_bytes(self) -> int:
        """Memory of all servers together. Raises `StorageUnavailable`."""
        try:
            async with asyncio.timeout(2 * self._timeout):
                told = await self._transport.everywhere(("INFO", "memory"))
            return sum(map(_used_memory, told))
        except (RedisError, OSError, TimeoutError) as error:
            raise StorageUnavailable("redis") from error

    async def close(self) -> None:
        await self._transport.close()

    async def _send(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        replies: list[object] = []
        for start in range(0, len(commands), PIPELINE):
            sent = await self._send_some(commands[start : start + PIPELINE])
            replies += sent
            for reply in sent:
                if isinstance(reply, RedisConnectionError | RedisTimeoutError | OSError):
                    self._break()
        return replies

    async def _send_some(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        if self._clock() < self._broken_until:
            raise StorageUnavailable("redis")
        try:
            return await self._transport.send(commands)
        except (RedisError, OSError, TimeoutError) as error:
            self._break()
            raise StorageUnavailable("redis") from error

    def _break(self) -> None:
        self._broken_until = self._clock() + BREAK_SECONDS


def _command(verb: str, script: str, call: Call) -> list[Value]:
    keys, arguments = call
    return [verb, script, len(keys), *keys, *arguments]


def _text(reply: object) -> str:
    if isinstance(reply, Exception):
        raise StorageUnavailable("redis") from reply
    if not isinstance(reply, bytes):
        raise TypeError(f"a script answered {reply!r}")
    return reply.decode()


def _used_memory(info: object) -> int:
    """Of a section of INFO, as text or as read by redis-py."""
    if isinstance(info, Exception):
        raise info
    if isinstance(info, dict):
        return int(info["used_memory"])
    if not isinstance(info, bytes):
        raise TypeError(f"INFO answered {info!r}")
    facts = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
    return int(facts[b"used_memory"])
