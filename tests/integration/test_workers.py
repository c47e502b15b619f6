"""Several processes on one socket: each answers, all agree, one that dies is replaced."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest

from tests.generated import generated_ids, save_generated
from tests.integration.served import Served, like, recommended, support

ITEMS = generated_ids()
WORKERS = 2


async def test_workers_agree_on_versions_and_see_what_any_of_them_was_told(
    replica: Callable[[str], Served], valkey_url: str, weights_directory: Path
) -> None:
    first = save_generated(weights_directory).version
    second = save_generated(weights_directory, seed=1).version
    service = replica(valkey_url)
    service.workers = WORKERS
    await service.start()
    async with service.client("admin") as admin:
        while len((await tried(admin, first))["replicas"]) < WORKERS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        for version in (first, second, first):
            told = (await admin.post("/v1/admin/weights/reload", json={"version": version})).json()
            assert [one["version"] for one in told["replicas"]] == [version] * WORKERS
            answers = await asyncio.gather(*(ask_alone(service) for _ in range(20)))
            assert {one["personalization"]["weights_version"] for one in answers} == {version}
    for n in range(20):
        async with service.client("server") as one, service.client("server") as other:
            await like(one, "u", ITEMS[n], event_id=str(n))
            assert support(await recommended(other, "u")) == n + 1


async def tried(admin: httpx.AsyncClient, version: str) -> dict[str, list[dict[str, str]]]:
    """What a reload would say."""
    body = {"version": version, "dry_run": True}
    answer = await admin.post("/v1/admin/weights/reload", json=body)
    told: dict[str, list[dict[str, str]]] = answer.json()
    return told


async def ask_alone(service: Served) -> dict[str, Any]:
    """Over a connection of its own, which any worker may take."""
    async with service.client("server") as client:
        return await recommended(client, "u")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_worker_that_is_killed_is_replaced_and_metrics_are_of_all(
    replica: Callable[[str], Served], valkey_url: str, weights_directory: Path
) -> None:
    save_generated(weights_directory)
    service = replica(valkey_url)
    service.workers = WORKERS
    await service.start()
    await asyncio.gather(*(ask_alone(service) for _ in range(30)))
    assert await counted(service) == 30
    workers = processes(service)
    assert len(workers) == WORKERS
    os.kill(workers[0], signal.SIGKILL)
    asked = 0
    async with asyncio.timeout(60):
        while workers[0] in processes(service) or asked < 20:
            try:
                await ask_alone(service)
                asked += 1
            except httpx.TransportError:
                pass
    assert await counted(service) >= 30 + asked


def processes(service: Served) -> list[int]:
    """The workers, without what else `multiprocessing` starts."""
    assert service.process is not None
    pid = service.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


async def counted(service: Served) -> int:
    """Lists that the metrics count, of all workers."""
    async with service.client("admin") as admin:
        told = (await admin.get("/metrics")).text
    found = re.findall(r"^thaw_recommendations_total\{[^}]*\} ([\d.]+)$", told, re.MULTILINE)
    return int(sum(map(float, found)))


async def test_a_write_of_items_answers_once_every_worker_shows_it(
    replica: Callable[[str], Served], valkey_url: str, weights_directory: Path
) -> None:
    version = save_generated(weights_directory).version
    service = replica(valkey_url)
    service.workers = WORKERS
    await service.start()
    async with service.client("admin") as admin:
        while len((await tried(admin, version))["replicas"]) < WORKERS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    async with service.client("server") as client:
        for item_id in ITEMS[:5]:
            told = (await client.put(f"/v1/items/{item_id}", json={"hidden": True})).json()
            answers = await asyncio.gather(*(ask_alone(service) for _ in range(10)))
            late = [one for one in answers if one["catalogue_epoch"] < told["catalogue_epoch"]]
            assert told["laggards"] or not late


async def test_a_write_of_items_names_a_replica_that_does_not_follow(
    replica: Callable[[str], Served], valkey_url: str, weights_directory: Path
) -> None:
    version = save_generated(weights_directory).version
    one, other = [replica(valkey_url) for _ in range(2)]
    await one.start()
    async with one.client("admin") as admin, one.client("server") as client:
        [mine] = (await tried(admin, version))["replicas"]
        assert (await client.delete(f"/v1/items/{ITEMS[0]}")).json()["laggards"] == []
        await other.start()
        both = (await tried(admin, version))["replicas"]
        [frozen] = [each["id"] for each in both if each != mine]
        assert other.process is not None
        async with asyncio.timeout(60):
            while await laggards(client) != [frozen]:
                other.process.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.3)  # it may be met while it holds a lock
                other.process.send_signal(signal.SIGSTOP)
            other.process.send_signal(signal.SIGCONT)
            while await laggards(client):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def laggards(client: httpx.AsyncClient) -> list[str] | None:
    """Those of a write; None if it failed."""
    answer = await client.put(f"/v1/items/{ITEMS[1]}", json={"properties": {"time": time()}})
    told: list[str] | None = answer.json().get("laggards")
    return told
