"""New people, new items and a new shop, on two real processes that share their stores."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from app.stores.redis import Redis
from models.catalogue import Catalogue
from models.cold_start import start
from tests.generated import TOWNS, generated_encoders, save_generated
from tests.integration.served import Served, item_ids, like, recommended

Clients = list[httpx.AsyncClient]


@asynccontextmanager
async def two_replicas(replica: Callable[[str], Served], redis_url: str) -> AsyncIterator[Clients]:
    services = [replica(redis_url), replica(redis_url)]
    await asyncio.gather(*(service.start() for service in services))
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(one.client("server")) for one in services]


async def put(client: httpx.AsyncClient, path: str, properties: dict[str, Any]) -> None:
    answer = await client.put(path, json={"properties": properties})
    assert answer.status_code == httpx.codes.OK, answer.text


async def click(client: httpx.AsyncClient, item_id: str, visitors: int) -> None:
    """By so many guests, one each."""
    events = [
        {"type": "click", "anonymous_id": f"{item_id}-{n}", "item_id": item_id}
        for n in range(visitors)
    ]
    answer = await client.post("/v1/events", json={"events": events})
    assert answer.json()["accepted"] == visitors, answer.text


async def agreed(clients: Clients, *first: str) -> dict[str, Any]:
    """What a stranger gets, once all replicas begin it with `first` and stand at one epoch."""
    async with asyncio.timeout(60):
        while True:
            answers = [await recommended(client, "stranger", k=70) for client in clients]
            epochs = {answer["catalogue_epoch"] for answer in answers}
            begun = {tuple(item_ids(answer)[: len(first)]) for answer in answers}
            if len(epochs) == 1 and begun == {first}:
                assert all(answer["items"] == answers[0]["items"] for answer in answers)
                return answers[0]
            await asyncio.sleep(0.05)


async def test_what_one_replica_is_told_of_a_person_the_other_knows(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str, redis: Redis
) -> None:
    save_generated(weights_directory, encoders=generated_encoders())
    async with two_replicas(replica, valkey_url) as clients:
        by_town = {}
        for town in TOWNS:
            await put(clients[0], f"/v1/users/of-{town}", {"town": town})
            await like(clients[0], f"of-{town}", "i010", event_id=town)
            by_town[town] = item_ids(await recommended(clients[0], f"of-{town}", k=60))
        assert len({tuple(ids) for ids in by_town.values()}) == len(TOWNS)
        await like(clients[1], "ann", "i010", event_id="ann")
        for n in range(60):
            town = TOWNS[n % len(TOWNS)]
            await put(clients[n % 2], "/v1/users/ann", {"town": town, "visit": n // 7})
            answer = await recommended(clients[(n + 1) % 2], "ann", k=60)
            assert item_ids(answer) == by_town[town]
            if n % 20 == 10:
                await redis.run([("FLUSHALL",)])
                assert item_ids(await recommended(clients[n % 2], "ann", k=60)) == by_town[town]


async def test_a_new_item_rises_in_the_lists_of_all_replicas(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str
) -> None:
    save_generated(weights_directory)
    async with two_replicas(replica, valkey_url) as clients:
        await put(clients[0], "/v1/items/fresh", {"title": "Fresh"})
        before = await agreed(clients, "i000")
        await click(clients[1], "fresh", visitors=400)
        after = await agreed(clients, "fresh")
        assert after["items"][0]["source"] == "new"
        assert after["catalogue_epoch"] > before["catalogue_epoch"]
        assert item_ids(before)[0] in item_ids(after)
        await like(clients[0], "ann", "i010", event_id="ann")
        assert "fresh" in item_ids(await recommended(clients[1], "ann"))


async def test_a_shop_without_any_history_learns_what_is_popular(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str
) -> None:
    ids = [f"i{n:03d}" for n in range(60)]
    kinds = ["war", "art", "sea"] * 20
    start(Catalogue("new", pl.DataFrame({"item_id": ids, "kind": kinds})), weights_directory)
    async with two_replicas(replica, valkey_url) as clients:
        before = await agreed(clients, "i000")
        assert len({item["score"] for item in before["items"]}) == 1
        await click(clients[0], "i044", visitors=200)
        await click(clients[1], "i033", visitors=100)
        after = await agreed(clients, "i044", "i033")
        assert after["items"][0]["source"] == "prior"
