"""The Valkey of our own: real servers, real deaths."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import StorageUnavailable
from app.stores import embedded_valkey
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.redis import connect

OWNER = """
import asyncio, sys
from pathlib import Path
from app.stores.embedded_valkey import EmbeddedValkey

async def main():
    valkey = await EmbeddedValkey.start(Path(sys.argv[1]))
    print(valkey.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""

WATCHED_OWNER = """
import os, subprocess, sys, time
watcher = "import sys; from app.stores.guard import watch; watch(int(sys.argv[1]), sys.argv[2:])"
server = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
command = [sys.executable, "-c", watcher, str(os.getpid()), sys.executable, "-c", server]
subprocess.Popen(command)
time.sleep(600)
"""


async def value(url: str, *command: str) -> object:
    client = connect(url, timeout_ms=5_000)
    try:
        return (await client.run([command]))[0]
    finally:
        await client.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - another process has no event of ours
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_an_orderly_end_keeps_the_memory_once(tmp_path: Path) -> None:
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        await value(valkey.url, "SET", "a", "1")
    assert (tmp_path / "dump.rdb").exists()
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        assert await value(valkey.url, "GET", "a") == b"1"
        assert not (tmp_path / "dump.rdb").exists()


async def test_a_killed_server_is_back_and_empty(tmp_path: Path) -> None:
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        await value(valkey.url, "SET", "a", "1")
        killed = valkey.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: valkey.pid != killed)
        async with asyncio.timeout(20):
            while True:
                with suppress(StorageUnavailable):
                    assert await value(valkey.url, "GET", "a") is None
                    break
                await asyncio.sleep(0.01)


async def test_a_guest_takes_over_with_all_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_valkey, "RETRY_SECONDS", 0.01)
    owner = await EmbeddedValkey.start(tmp_path)
    await value(owner.url, "SET", "a", "1")
    async with await EmbeddedValkey.start(tmp_path) as guest:
        assert guest.pid is None
        await owner.stop()
        await until(lambda: guest.pid is not None and not (tmp_path / "dump.rdb").exists())
        assert await value(guest.url, "GET", "a") == b"1"


async def test_a_start_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_valkey, "RETRY_SECONDS", 0.01)
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        killed = valkey.pid
        assert killed is not None
        launch, failures = valkey._launch, iter([PermissionError(), KeyError()])

        async def stumble() -> None:
            for failure in failures:
                raise failure
            await launch()

        monkeypatch.setattr(valkey, "_launch", stumble)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: valkey.pid != killed)
        assert list(failures) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_owner_killed_leaves_no_orphan_and_loses_nothing(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert runs(pid)
    url = EmbeddedValkey(tmp_path).url
    await value(url, "SET", "a", "1")
    async with await EmbeddedValkey.start(tmp_path) as guest:
        assert guest.pid is None
        assert await value(guest.url, "GET", "a") == b"1"
    owner.kill()
    await owner.wait()
    async with await EmbeddedValkey.start(tmp_path) as heir:
        assert not runs(pid)
        assert heir.pid is not None
        assert await value(heir.url, "GET", "a") == b"1"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_where_the_kernel_does_not_help_a_watcher_ends_the_server() -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCHED_OWNER, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert runs(pid)
    owner.kill()
    await owner.wait()
    await until(lambda: not runs(pid))


async def test_a_broken_dump_means_an_empty_start(tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0011 this is no dump")
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        assert await value(valkey.url, "DBSIZE") == 0


async def test_deep_directories_have_short_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    async with await EmbeddedValkey.start(deep) as valkey:
        assert len(str(valkey.socket)) <= 100
        assert await value(valkey.url, "PING") == b"PONG"
        assert stat.S_IMODE(valkey.socket.parent.stat().st_mode) == 0o700


async def test_memory_is_bounded_and_nothing_is_written_behind(tmp_path: Path) -> None:
    async with await EmbeddedValkey.start(tmp_path) as valkey:
        assert await value(valkey.url, "CONFIG", "GET", "maxmemory") == [
            b"maxmemory",
            str(256 * 1024**2).encode(),
        ]
        assert await value(valkey.url, "CONFIG", "GET", "save") == [b"save", b""]


async def test_a_server_that_cannot_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_valkey, "server_binary", lambda: "/bin/false")
    valkey = EmbeddedValkey(tmp_path)
    with pytest.raises(StorageUnavailable):
        await valkey._launch()


async def test_a_predecessor_that_does_not_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_valkey, "START_SECONDS", 0.05)
    held = embedded_valkey._lock(tmp_path / "server.lock")
    assert held is not None
    with held, pytest.raises(StorageUnavailable):
        await EmbeddedValkey.start(tmp_path)


async def test_a_server_that_hangs_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey = await EmbeddedValkey.start(tmp_path)
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGSTOP)
    monkeypatch.setattr(embedded_valkey, "STOP_SECONDS", 0.05)
    await valkey.stop()
    assert valkey.pid is None
