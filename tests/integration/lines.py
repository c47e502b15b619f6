"""Lines to Redis on which a test can hold messages back, or that it can cut."""

import asyncio
from collections.abc import Sequence

from app.stores.redis import Redis, Transport, Value
from app.stores.support import SupportStore


class Gate:
    """Holds back what is sent from the given number of messages on, until it is opened."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._hold_from = -1
        self._sent = 0
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    def hold_after(self, messages: int) -> None:
        self._hold_from, self._sent = messages, 0

    async def send(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        if self._sent == self._hold_from:
            self.reached.set()
            await self.opened.wait()
        self._sent += 1
        return await self._inner.send(commands)

    async def everywhere(self, command: Sequence[Value]) -> list[object]:
        return await self._inner.everywhere(command)

    async def close(self) -> None:
        await self._inner.close()


class Cut:
    """A line to Redis that can be cut before or after the server has acted."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.before = self.after = False

    async def send(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        if self.before:
            raise ConnectionResetError
        replies = await self._inner.send(commands)
        if self.after:
            raise ConnectionResetError
        return replies

    async def everywhere(self, command: Sequence[Value]) -> list[object]:
        return await self._inner.everywhere(command)

    async def close(self) -> None:
        await self._inner.close()


def store(transport: Transport) -> SupportStore:
    return SupportStore(Redis(transport, 30), "thaw", ttl_seconds=3600)
