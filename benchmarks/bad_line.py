"""A TCP line to a Unix socket that can be made slow, or reset."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

Chunk: TypeAlias = tuple[float, bytes]


class BadLine:
    """What comes back is `delay` seconds late: late, not rare, so nothing else waits for it."""

    def __init__(self, behind: Path) -> None:
        self._behind = behind
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.delay = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Breaks every connection that there is."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_unix_connection(self._behind)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_there}
        late: asyncio.Queue[Chunk] = asyncio.Queue()
        for work in (
            self._forward(reader, to_there),
            self._hold_back(there, late),
            self._let_go(late, writer),
        ):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (data := await reader.read(65_536)) and not writer.is_closing():
                writer.write(data)
        except ConnectionError:
            pass
        writer.close()

    async def _hold_back(self, reader: asyncio.StreamReader, late: asyncio.Queue[Chunk]) -> None:
        now = asyncio.get_running_loop().time
        data = b"until the end"
        while data:
            try:
                data = await reader.read(65_536)
            except ConnectionError:
                data = b""
            late.put_nowait((now() + self.delay, data))

    async def _let_go(self, late: asyncio.Queue[Chunk], writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, data = await late.get()
            await asyncio.sleep(max(0.0, due - now()))
            if not data or writer.is_closing():
                break
            writer.write(data)
        writer.close()


@asynccontextmanager
async def bad_line(behind: Path) -> AsyncIterator[BadLine]:
    """A line to the socket `behind`, good for now."""
    line = BadLine(behind)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
