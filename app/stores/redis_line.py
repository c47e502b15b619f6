"""One connection to Redis that everybody shares.

Commands of all callers leave at once, in the order they were given, and replies come back in that
order: under load many share a packet, and nobody waits for a connection of their own.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import cast

from hiredis import ProtocolError, Reader
from redis.asyncio.connection import ConnectKwargs, SSLConnection, parse_url
from redis.exceptions import BusyLoadingError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

Command = Sequence[str | bytes | int]

_ERRORS: Mapping[str, type[RedisError]] = {"NOSCRIPT": NoScriptError, "LOADING": BusyLoadingError}


class Line:
    """Opens at the first use, and again after it has broken.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with user, password and database where needed.
        timeout: seconds for the connection, and for a reply; one that is later breaks the line.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._address = parse_url(url)
        self._timeout = timeout
        self._wire: _Wire | None = None
        self._opening = asyncio.Lock()

    async def send(self, commands: Sequence[Command]) -> list[object]:
        """Replies to independent commands; a refused one has its exception for a reply.

        A line that breaks is opened once more: it may have been idle for long, and every command
        of ours may be repeated. Raises `RedisConnectionError`, `OSError` or `TimeoutError`.
        """
        content, wire = b"".join([packed(command) for command in commands]), self._wire
        if wire is not None and not wire.broken:
            with suppress(RedisConnectionError):
                return await wire.exchange(content, len(commands))
        async with asyncio.timeout(2 * self._timeout):
            wire = await self._open()
            return await wire.exchange(content, len(commands))

    async def everywhere(self, command: Command) -> list[object]:
        """There is but one server."""
        return await self.send([command])

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.abort()

    async def _open(self) -> "_Wire":
        async with self._opening:
            if self._wire is None or self._wire.broken:
                async with asyncio.timeout(self._timeout):
                    wire = await _connected(self._address, lambda: _Wire(self._timeout))
                    await _introduce(wire, self._address)
                self._wire = wire
            return self._wire


class _Wire(asyncio.Protocol):
    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(protocolError=RedisConnectionError, replyError=_error)
        self._waiting: deque[tuple[asyncio.Future[list[object]], int]] = deque()
        self._replies: list[object] = []
        self._leaving: list[bytes] = []
        self._progress_at = 0.0
        self._overdue = False
        self._watch: asyncio.TimerHandle | None = None
        self.broken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def exchange(self, content: bytes, replies: int) -> "asyncio.Future[list[object]]":
        answer: asyncio.Future[list[object]] = self._loop.create_future()
        if self.broken:
            answer.set_exception(RedisConnectionError("the line is broken"))
            return answer
        if not self._waiting:
            self._progress_at = self._loop.time()
        self._waiting.append((answer, replies))
        if not self._leaving:
            self._loop.call_soon(self._leave)
        self._leaving.append(content)
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._look)
        return answer

    def _leave(self) -> None:
        """What was given in one turn of the loop leaves together: a packet costs more than it."""
        if not self.broken:
            self._transport.write(b"".join(self._leaving))
        self._leaving.clear()

    def data_received(self, data: bytes) -> None:
        self._progress_at, self._overdue = self._loop.time(), False
        try:
            self._reader.feed(data)
            while self._waiting and (reply := self._reader.gets()) is not False:
                self._take(reply)
        except (ProtocolError, RedisConnectionError) as error:
            self._break(error)

    def connection_lost(self, _: Exception | None) -> None:
        self._break(RedisConnectionError("the server closed the line"))

    def abort(self) -> None:
        self._break(RedisConnectionError("the line was closed"))

    def _take(self, reply: object) -> None:
        self._replies.append(reply)
        answer, wanted = self._waiting[0]
        if len(self._replies) == wanted:
            self._waiting.popleft()
            if not answer.done():  # else its caller was cancelled
                answer.set_result(self._replies)
            self._replies = []

    def _look(self) -> None:
        """One timer for all: breaks a line on which a reply is overdue.

        Twice, for where this process is late, a reply may have come that nobody has read yet.
        """
        self._watch = None
        if self.broken or not self._waiting:
            return
        left = self._progress_at + self._timeout - self._loop.time()
        if left <= 0 and self._overdue:
            self._break(TimeoutError(f"no reply within {self._timeout:g} s"))
            return
        self._overdue = left <= 0
        self._watch = self._loop.call_later(max(left, self._timeout / 8), self._look)

    def _break(self, error: Exception) -> None:
        if self.broken:
            return
        self.broken = True
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        for answer, _ in self._waiting:
            if not answer.done():
                answer.set_exception(error)
        self._waiting.clear()


def packed(command: Command) -> bytes:
    r"""A command as RESP wants it.

    >>> packed(("GET", b"k"))
    b'*2\r\n$3\r\nGET\r\n$1\r\nk\r\n'
    """
    parts = [b"*%d\r\n" % len(command)]
    for value in command:
        content = value if isinstance(value, bytes) else str(value).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(content), content))
    return b"".join(parts)


def _error(message: str) -> RedisError:
    kind = _ERRORS.get(message.partition(" ")[0], ResponseError)
    return kind(message)


async def _connected(address: ConnectKwargs, make: Callable[[], _Wire]) -> _Wire:
    loop = asyncio.get_running_loop()
    if "path" in address:
        _, wire = await loop.create_unix_connection(make, address["path"])
    else:
        host, port = address.get("host", "localhost"), address.get("port", 6379)
        secure = _tls(address) if address.get("connection_class") is SSLConnection else None
        _, wire = await loop.create_connection(make, host, port, ssl=secure)
    return wire


def _tls(address: ConnectKwargs) -> ssl.SSLContext:
    """By the names that redis-py gives them in a URL."""
    given = {name: str(value) for name, value in address.items() if name.startswith("ssl_")}
    context = ssl.create_default_context(cafile=given.get("ssl_ca_certs"))
    if given.get("ssl_cert_reqs") == "none":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "ssl_certfile" in given:
        context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"))
    return context


async def _introduce(wire: _Wire, address: ConnectKwargs) -> None:
    greetings: list[Command] = []
    if "password" in address:
        user = [address["username"]] if "username" in address else []
        greetings.append(("AUTH", *user, address["password"]))
    if address.get("db"):
        greetings.append(("SELECT", address["db"]))
    for greeting in greetings:
        [reply] = await wire.exchange(packed(greeting), 1)
        if isinstance(reply, Exception):
            wire.abort()
            raise RedisConnectionError(str(reply)) from reply
