"""The whole circle on a running service: a catalogue, events, export, training, reload."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import polars as pl

from tests.integration.served import THAW, Served, item_ids, recommended

KINDS = ("war", "art", "sea")
ITEMS = pl.DataFrame(
    {"item_id": [f"i{n:02d}" for n in range(60)], "kind": [KINDS[n % 3] for n in range(60)]}
)
VISITORS, CLICKS = 30, 12


def thaw(environment: dict[str, str], *arguments: object) -> str:
    """What a command printed; fails the test if it did not do its work."""
    ended = subprocess.run(
        [THAW, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


async def visit(client: httpx.AsyncClient, visitor: int) -> None:
    """Click on items, mostly of one kind; a guest every third time."""
    random = Random(visitor)
    weights = [5 if n % 3 == visitor % 3 else 1 for n in range(60)]
    who = {"anonymous_id" if visitor % 3 == 0 else "user_id": f"visitor-{visitor}"}
    events = [
        {**who, "type": "click", "item_id": f"i{item:02d}"}
        for item in set(random.choices(range(60), weights, k=CLICKS))
    ]
    events.append({**who, "type": "impression", "item_id": "i59"})
    answer = await client.post("/v1/events", json={"events": events})
    assert answer.json()["accepted"] == len(events), answer.text


async def test_a_service_learns_from_its_own_log(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str, tmp_path: Path
) -> None:
    ITEMS.write_parquet(tmp_path / "items.parquet")
    service = replica(valkey_url)
    first = await asyncio.to_thread(
        thaw, {}, "init", "--items", tmp_path, "--out", weights_directory
    )
    await service.start()
    async with service.client("server") as client, service.client("admin") as admin:
        properties = [
            {"item_id": item_id, "properties": {"kind": kind}} for item_id, kind in ITEMS.rows()
        ]
        put = await client.put("/v1/items", json={"items": properties})
        assert put.status_code == httpx.codes.OK, put.text
        await asyncio.gather(*(visit(client, visitor) for visitor in range(VISITORS)))
        environment = service.environment
        await asyncio.to_thread(thaw, environment, "export", "--out", tmp_path / "log")
        rows = pl.read_parquet(tmp_path / "log" / "interactions.parquet")
        assert rows["user_id"].n_unique() == VISITORS
        assert rows["user_id"].str.starts_with("anon:").any()
        assert pl.read_parquet(tmp_path / "log" / "items.parquet").sort("item_id").equals(ITEMS)
        trained = await asyncio.to_thread(
            thaw,
            environment,
            *("train", "--data", tmp_path / "log", "--out", weights_directory),
            *("--from", first, "--budget", "5s"),
        )
        reloaded = await admin.post("/v1/admin/weights/reload", json={})
        assert reloaded.json()["version"] == Path(trained).name != Path(first).name
        before = item_ids(await recommended(client, "somebody-new", k=60))
        assert len(before) == 60
        click = {"type": "click", "user_id": "somebody-new", "item_id": "i31"}
        await client.post("/v1/events", json={"events": [click]})
        after = item_ids(await recommended(client, "somebody-new", k=20))
    art = [item_id for item_id in after if int(item_id[1:]) % 3 == 1]
    assert len(art) > len([item_id for item_id in before[:20] if int(item_id[1:]) % 3 == 1])
