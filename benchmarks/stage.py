"""Everything that is measured over HTTP, on this machine: stores, meta-weights, servers."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import numpy as np
import torch

from app.domain import Entity, Namespace, PlacedWindow, Position, Scope, Shot, Window
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.redis import Redis, connect
from app.stores.schema import upgrade
from app.stores.support import SupportStore
from models import weights
from models.algorithms.memory import NEIGHBOURS, REGRESSORS, Rows
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.ranking import MEMORIES
from models.config import RankerConfig
from models.weights import Facts
from tests.servers import PostgresServer, free_ports

NAMESPACE = "thaw"
TTL_SECONDS = 30 * 24 * 3600
DIMENSION, STEPS = 64, 4
BROUGHT_TO_MIND = {
    "cosine": NEIGHBOURS,
    "shrunk": NEIGHBOURS,
    "regression": REGRESSORS,
    "profile": NEIGHBOURS,
}
"""How many items each memory keeps of one."""
START_SECONDS = 60.0
DEFAULTS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Stage:
    """Valkey, PostgreSQL that keeps what it acknowledged, and one version of meta-weights."""

    folder: Path
    postgres: PostgresServer
    valkey: EmbeddedValkey
    redis: Redis
    key: str
    """A server key."""
    item_ids: Sequence[str]

    @property
    def database_url(self) -> str:
        return self.postgres.url("postgres")

    @property
    def support(self) -> SupportStore:
        return SupportStore(self.redis, NAMESPACE, TTL_SECONDS)

    @asynccontextmanager
    async def ours(
        self, workers: int = 1, settings: Mapping[str, str] = DEFAULTS
    ) -> AsyncIterator[int]:
        """`thaw serve`; its port. `settings` are environment variables."""
        port = free_port()
        thaw = str(Path(sys.executable).with_name("thaw"))
        command = [thaw, "serve", "--port", str(port)]
        environment = {
            "THAW_STATE": str(self.folder / "state"),
            "THAW_DATABASE__URL": self.database_url,
            "THAW_REDIS__URL": self.valkey.url,
            "THAW_WEIGHTS__DIRECTORY": str(self.folder / "weights"),
            **settings,
        }
        if workers > 1:
            command += ["--workers", str(workers)]
        async with self._running(command, environment, port, "/readyz"):
            yield port

    @asynccontextmanager
    async def rival(self, module: str) -> AsyncIterator[int]:
        """An application of benchmarks.rivals as its makers would run it at its best; its port."""
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", f"benchmarks.rivals.{module}:app"]
        command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        command += ["--loop", "uvloop", "--http", "httptools"]
        environment = {"REDIS_URL": self.valkey.url, "DATABASE_URL": self.database_url}
        async with self._running(command, environment, port, "/docs"):
            yield port

    @asynccontextmanager
    async def _running(
        self, command: Sequence[str], environment: Mapping[str, str], port: int, probe: str
    ) -> AsyncIterator[None]:
        log_path = self.folder / f"{port}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(  # noqa: ASYNC220 - the server is a process of its own
                command, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        try:
            deadline = monotonic() + START_SECONDS
            while not await asyncio.to_thread(_answers, port, probe):
                if process.poll() is not None or monotonic() > deadline:
                    raise RuntimeError(f"it did not start: {log_path.read_text()[-2000:]}")
                await asyncio.sleep(0.1)
            yield
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)


@asynccontextmanager
async def staged(items: int) -> AsyncIterator[Stage]:
    """A stage with a catalogue of `items`."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="thaw-stage-")))
        postgres = PostgresServer(durable=True)
        stack.callback(postgres.stop)
        url = postgres.url("postgres")
        await upgrade(url, NAMESPACE)
        valkey = await stack.enter_async_context(await EmbeddedValkey.start(folder / "valkey"))
        redis = connect(valkey.url, 5_000)
        stack.push_async_callback(redis.close)
        database = await Database.open(url, NAMESPACE)
        key = (await ApiKeys(database).create(Scope.SERVER, "benchmark")).text
        await database.close()
        item_ids = save_weights(folder / "weights", items)
        yield Stage(folder, postgres, valkey, redis, key, item_ids)


def save_weights(directory: Path, items: int, seed: int = 0) -> Sequence[str]:
    """Untrained meta-weights in the shape of those that are trained on ml-1m, which know of no
    leave-one-out blend: what they cost is the same.
    """
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(items, DIMENSION, generator=generator) / DIMENSION**0.5
    popularity = torch.linspace(-2.0, -12.0, items)
    config = RankerConfig(dimension=DIMENSION, steps=STEPS)
    memories = {name: _memory(items, name, generator) for name in MEMORIES}
    slow = {
        **MetaSGD(config).assembled(vectors, popularity, memories, seed),
        **{f"{name}_weight": torch.full((51,), 0.1) for name in MEMORIES},
        "caution": torch.zeros(51),
        "gate": torch.linspace(0.0, 1.0, 51),
    }
    item_ids = tuple(f"item-{n:06d}" for n in range(items))
    facts = Facts(
        algorithm=MetaSGD.name,
        retrieval="dot",
        steps=STEPS,
        split={},
        data={"interactions": 100 * items},
        config={},
        metrics={},
        features=None,
    )
    weights.save(directory, slow, item_ids, facts)
    return item_ids


def _memory(items: int, name: str, generator: torch.Generator) -> Rows:
    rows = 0 if name == "profile" else items
    size = (rows, BROUGHT_TO_MIND[name])
    others = torch.randint(items, size, generator=generator, dtype=torch.int32)
    return others, torch.rand(others.shape, generator=generator)


def visitors(stage: Stage, count: int, shots: int = 10, seed: int = 0) -> Mapping[Entity, Window]:
    """People who did something to `shots` items each, of which the popular ones are met more."""
    random, newest = np.random.default_rng(seed), 1_750_000_000_000
    windows = {}
    for number in range(count):
        places = np.unique((random.pareto(1.2, 4 * shots) * 50).astype(int))
        met = random.permutation(places[places < len(stage.item_ids)])[:shots].tolist()
        items = [stage.item_ids[place] for place in met]
        done = [
            Shot(item, float(random.choice([0.5, 1.0, 4.0])), newest - 60_000 * age)
            for age, item in enumerate(items)
        ]
        seen = [(shot.item_id, shot.timestamp) for shot in done]
        windows[Entity(Namespace.USER, f"visitor-{number}")] = Window.of(done, seen)
    return windows


async def remember(stage: Stage, windows: Mapping[Entity, Window]) -> None:
    """Places windows in Redis as their readers would after building them from the log."""
    support, entities = stage.support, list(windows)
    for start in range(0, len(entities), 64):
        some = entities[start : start + 64]
        claims = [remembered.claim for remembered in await support.load(some)]
        await asyncio.gather(
            *(
                support.install(entity, PlacedWindow(windows[entity], Position(0, 1)), claim)
                for entity, claim in zip(some, claims, strict=True)
            )
        )


async def forget_fast_weights(stage: Stage, entities: Sequence[Entity]) -> None:
    """So that the next reader of each must adapt."""
    keys = [f"{NAMESPACE}:fast:{{{entity.digest}}}" for entity in entities]
    await stage.redis.run([("UNLINK", key) for key in keys])


def free_port() -> int:
    return free_ports(1)[0]


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
