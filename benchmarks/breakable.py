"""A service whose every part can be broken while it is in use, and the ways to break it."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import httpx

from app.domain import Scope
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.schema import upgrade
from benchmarks.bad_line import BadLine, bad_line
from benchmarks.visits import Visits
from tests.generated import save_generated
from tests.integration.served import Served
from tests.servers import PostgresServer

NAMESPACE = "thaw"
DELAY = 0.2
"""Seconds that a slow network takes longer."""
DISK_MIB = 64


@dataclass(frozen=True, slots=True)
class Ground:
    """What services share: a database, a Valkey that can be reached well or badly, weights."""

    folder: Path
    database_url: str
    postgres: PostgresServer | None
    """None: SQLite, on a disk of its own where this process may mount one."""
    valkey: EmbeddedValkey
    line: BadLine
    keys: dict[str, str]

    @asynccontextmanager
    async def serving(self, names: Sequence[str], redis_url: str) -> AsyncIterator[list[Served]]:
        services = [self._service(name, redis_url) for name in names]
        try:
            await asyncio.gather(*(service.start() for service in services))
            yield services
        finally:
            for service in services:
                await asyncio.to_thread(service.stop)

    def _service(self, name: str, redis_url: str) -> Served:
        environment = {
            "THAW_STATE": str(self.folder / name),
            "THAW_DATABASE__URL": self.database_url,
            "THAW_REDIS__URL": redis_url,
            "THAW_WEIGHTS__DIRECTORY": str(self.weights),
        }
        # a limit on the size of files, where that stands for a full disk, must not meet the log
        log = self.folder / f"{name}.log" if self.postgres else Path(os.devnull)
        return Served(environment, self.keys, log)

    @property
    def weights(self) -> Path:
        return self.folder / "weights"

    @property
    def disk(self) -> Path:
        return self.folder / "disk"


@asynccontextmanager
async def ground(*, sqlite: bool = False) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="thaw-faults-")))
        postgres = None
        if sqlite:
            (folder / "disk").mkdir()
            if _mounted(folder / "disk"):
                stack.callback(_unmount, folder / "disk")
            url = f"sqlite+aiosqlite:///{folder}/disk/thaw.db"
        else:
            postgres = PostgresServer(durable=True)
            stack.callback(postgres.stop)
            url = postgres.url("postgres")
        await upgrade(url, NAMESPACE)
        valkey = await stack.enter_async_context(await EmbeddedValkey.start(folder / "valkey"))
        line = await stack.enter_async_context(bad_line(valkey.socket))
        database = await Database.open(url, NAMESPACE)
        store = ApiKeys(database)
        keys = {scope: (await store.create(scope, "benchmark")).text for scope in Scope}
        await database.close()
        save_generated(folder / "weights")
        yield Ground(folder, url, postgres, valkey, line, {str(s): key for s, key in keys.items()})


@dataclass(frozen=True, slots=True)
class Scene:
    """A fault is given this much: what runs, who visits, and for how many seconds to last."""

    ground: Ground
    services: list[Served]
    visits: Visits
    lasting: float


@dataclass(frozen=True, slots=True)
class Blow:
    began: float
    came: float
    """When all of it had come: what was under way from `began` to here may have met it."""
    lifted: float
    """From when on the service could recover."""


async def kill_api(scene: Scene) -> Blow:
    """One of the replicas; over when it is back."""
    victim, began = scene.services[0], monotonic()
    await asyncio.to_thread(victim.kill)
    came = monotonic()
    await victim.start()
    scene.visits.ledger.troubles.append(monotonic())
    return Blow(began, came, began)


async def kill_valkey(scene: Scene) -> Blow:
    valkey, came = scene.ground.valkey, monotonic()
    killed = _pid(valkey)
    os.kill(killed, signal.SIGKILL)
    while valkey.pid in (killed, None):  # noqa: ASYNC110 - a foreign process has no event
        await asyncio.sleep(0.01)
    return Blow(came, came, came)


async def freeze_valkey(scene: Scene) -> Blow:
    return await _freeze([_pid(scene.ground.valkey)], scene.lasting)


async def kill_postgres(scene: Scene) -> Blow:
    postgres, came = scene.ground.postgres, monotonic()
    assert postgres is not None
    await asyncio.to_thread(postgres.kill)
    await asyncio.to_thread(postgres.start)
    return Blow(came, came, came)


async def freeze_postgres(scene: Scene) -> Blow:
    assert scene.ground.postgres is not None
    return await _freeze(scene.ground.postgres.processes(), scene.lasting)


async def slow_down(scene: Scene) -> Blow:
    came = monotonic()
    scene.ground.line.delay = DELAY
    await asyncio.sleep(scene.lasting)
    scene.ground.line.delay = 0.0
    return Blow(came, came, monotonic())


async def reset_lines(scene: Scene) -> Blow:
    """All connections, four times a second."""
    came = monotonic()
    while monotonic() < came + scene.lasting:
        scene.ground.line.reset()
        await asyncio.sleep(0.25)
    return Blow(came, came, monotonic())


async def fill_disk(scene: Scene) -> Blow:
    """To the last byte; without a disk of our own, files of the service may not grow instead."""
    came, disk = monotonic(), scene.ground.disk
    if disk.is_mount():
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while _grows(file.fileno()):
                pass
        await asyncio.sleep(scene.lasting)
        ballast.unlink()
        return Blow(came, came, monotonic())
    process = scene.services[0].process
    assert process is not None
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, unlimited[1]))
    await asyncio.sleep(scene.lasting)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    return Blow(came, came, monotonic())


async def reload_often(scene: Scene) -> Blow:
    """Over when no replica answers from the weights before the last reload."""
    came = monotonic()
    versions = [save_generated(scene.ground.weights, seed=seed).version for seed in (1, 2)]
    async with scene.services[0].client("admin") as admin:
        turn = 0
        while monotonic() < came + scene.lasting:
            scene.visits.version = None
            version = versions[turn % 2]
            answer = await admin.post("/v1/admin/weights/reload", json={"version": version})
            assert answer.status_code == httpx.codes.OK, answer.text
            scene.visits.version = version
            turn += 1
            await asyncio.sleep(0.5)
    return Blow(came, came, monotonic())


async def _freeze(pids: Sequence[int], seconds: float) -> Blow:
    came = monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return Blow(came, came, monotonic())


def _pid(valkey: EmbeddedValkey) -> int:
    assert valkey.pid is not None
    return valkey.pid


def _mounted(folder: Path) -> bool:
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607


def _grows(file: int) -> bool:
    try:
        return os.write(file, bytes(4096)) > 0
    except OSError:
        return False
