"""One command closes the loop: the service's own log, trained on, compared, promoted."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import httpx
import polars as pl

from tests.integration.served import Served, recommended
from tests.integration.test_own_log import thaw

IDS = [f"i{n:02d}" for n in range(60)]
ITEMS = pl.DataFrame({"item_id": IDS, "kind": [("war", "art")[n // 30] for n in range(60)]})
VISITORS = 700


async def visit(client: httpx.AsyncClient, visitor: int) -> None:
    """Everybody likes items of one parity, of which their kind says nothing."""
    mine = [item_id for n, item_id in enumerate(IDS) if n % 2 == visitor % 2]
    events = [
        {"user_id": f"visitor-{visitor}", "type": "like", "item_id": item_id}
        for item_id in Random(visitor).sample(mine, 12)
    ]
    answer = await client.post("/v1/events", json={"events": events})
    assert answer.json()["accepted"] == len(events), answer.text


async def test_what_is_better_is_served_without_a_word(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str, tmp_path: Path
) -> None:
    ITEMS.write_parquet(tmp_path / "items.parquet")
    service = replica(valkey_url)
    first = await asyncio.to_thread(
        thaw, {}, "init", "--items", tmp_path, "--out", weights_directory
    )
    await service.start()
    async with service.client("server") as client:
        for start in range(0, VISITORS, 50):
            await asyncio.gather(*(visit(client, start + n) for n in range(50)))
        command = ("retrain", "--budget", "10s", "--json")
        tried = json.loads(
            await asyncio.to_thread(thaw, service.environment, *command, "--dry-run")
        )
        assert (tried["verdict"], tried["promoted"]) == ("better", False)
        assert await serving(client) == Path(first).name == tried["before"]
        done = json.loads(await asyncio.to_thread(thaw, service.environment, *command))
        assert done["promoted"], done
        assert done["trial"]["low"] > 0
        async with asyncio.timeout(30):
            while await serving(client) != done["version"]:
                pass


async def serving(client: httpx.AsyncClient) -> object:
    return (await recommended(client, "somebody"))["personalization"]["weights_version"]
