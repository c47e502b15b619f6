"""What the README promises, tried on real processes: reading one's writes, crashes, reloads."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx

from app.stores.database import Database
from app.stores.event_log import EventLog
from tests.generated import generated_ids, save_generated
from tests.integration.served import Served, item_ids, like, recommended, support, until

ITEMS = generated_ids()


async def test_every_recommendation_reflects_the_event_before_it(served: Served) -> None:
    """1,000 pairs of event and recommendation from 16 clients at once."""
    numbers = iter(range(1_000))
    stale: list[tuple[int, dict[str, Any]]] = []

    async def visit(visitor: int) -> int:
        pairs = 0
        async with served.client("server") as client:
            for n in numbers:
                user, item = f"visitor-{visitor}-{n // 480}", ITEMS[n % 29 + visitor]
                before = await recommended(client, user, k=60)
                await like(client, user, item, event_id=f"pair-{n}")
                after = await recommended(client, user, k=60)
                shots = support(before) + (item in item_ids(before))
                if support(after) != shots or item in item_ids(after) or after["degraded"]:
                    stale.append((n, after))
                pairs += 1
        return pairs

    assert sum(await asyncio.gather(*(visit(visitor) for visitor in range(16)))) == 1_000
    assert stale == []


async def test_a_new_user_starts_from_popularity_and_adapts_at_the_first_event(
    served: Served,
) -> None:
    async with served.client("server") as client:
        nobody = await recommended(client, "nobody-yet")
        assert item_ids(nobody) == list(ITEMS[:10])
        assert nobody["personalization"]["mode"] == "prior"
        await like(client, "nobody-yet", ITEMS[30], event_id="first")
        somebody = await recommended(client, "nobody-yet")
    assert somebody["personalization"]["mode"] == "adapted"
    assert support(somebody) == 1
    assert item_ids(somebody) != item_ids(nobody)


async def test_kill_9_in_a_stream_of_events_loses_none_that_was_acknowledged(
    served: Served, database_url: str
) -> None:
    acknowledged: set[str] = set()

    async def stream(writer: int) -> None:
        async with served.client("server") as client:
            for n in range(1_000):
                event_id = f"stream-{writer}-{n}"
                try:
                    await like(client, f"writer-{writer}", ITEMS[n % 60], event_id)
                except httpx.TransportError:
                    return
                acknowledged.add(event_id)

    async def strike() -> None:
        await until(lambda: len(acknowledged) >= 200)
        served.kill()

    await asyncio.gather(strike(), *(stream(writer) for writer in range(8)))
    await served.start()
    database = await Database.open(database_url, "thaw")
    stored = {event.event_id for event in (await EventLog(database).scan(None, 20_000)).events}
    await database.close()
    assert len(acknowledged) >= 200
    assert acknowledged <= stored
    async with served.client("server") as client:
        for writer in range(8):
            answer = await recommended(client, f"writer-{writer}")
            mine = {name for name in stored if name.startswith(f"stream-{writer}-")}
            assert support(answer) == min(50, len(mine), len(ITEMS))


async def test_reloads_fail_no_request_and_every_answer_is_of_one_version(
    served: Served, weights_directory: Path
) -> None:
    """2,000 requests during 20 reloads."""
    versions = [save_generated(weights_directory, seed=seed).version for seed in (1, 2)]
    users = [f"user-{n}" for n in range(20)]
    answered = 0
    async with served.client("server") as client, served.client("admin") as admin:
        for user in users:
            for item in Random(user).sample(ITEMS, 5):
                await like(client, user, item, event_id=f"{user}-{item}")
        expected = {
            version: await lists_under(version, users, client, admin) for version in versions
        }

        async def ask(asker: int) -> None:
            nonlocal answered
            for n in range(125):
                user = users[(asker + n) % len(users)]
                answer = await recommended(client, user)
                version = answer["personalization"]["weights_version"]
                assert item_ids(answer) == expected[version][user]
                answered += 1

        async def keep_reloading() -> None:
            for n in range(20):
                await reload(admin, versions[n % 2])
                await until(partial(lambda share: answered >= share * 2_000, (n + 1) / 21))

        await asyncio.gather(keep_reloading(), *(ask(asker) for asker in range(16)))
    assert answered == 2_000


async def reload(admin: httpx.AsyncClient, version: str) -> None:
    answer = await admin.post("/v1/admin/weights/reload", json={"version": version})
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["version"] == version


async def lists_under(
    version: str, users: list[str], client: httpx.AsyncClient, admin: httpx.AsyncClient
) -> dict[str, list[str]]:
    await reload(admin, version)
    return {user: item_ids(await recommended(client, user)) for user in users}


async def test_damaged_weights_are_refused_by_name_and_the_old_ones_go_on(
    served: Served, weights_directory: Path
) -> None:
    damaged = save_generated(weights_directory, seed=3).version
    file = weights_directory / damaged / "weights.safetensors"
    async with served.client("server") as client, served.client("admin") as admin:
        before = await recommended(client, "anyone")
        content = bytearray(file.read_bytes())
        content[-5] ^= 0xFF
        for harm in (bytes(content), bytes(content[:-100]), b"", b"\xff" * 64):
            file.write_bytes(harm)
            answer = await admin.post("/v1/admin/weights/reload", json={"version": damaged})
            assert answer.status_code in (409, 422), answer.text
            problem = answer.json()
            assert damaged in problem["detail"]
        file.write_bytes(bytes(content))
        answer = await admin.post("/v1/admin/weights/reload", json={"version": damaged})
        assert "tensor '" in answer.json()["detail"]
        assert await recommended(client, "anyone") | {"request_id": 0} == before | {"request_id": 0}


async def test_without_weights_it_is_alive_but_says_how_to_make_some(
    replica: Callable[[str], Served], valkey_url: str
) -> None:
    service = replica(valkey_url)
    await service.start(until="/livez")
    async with service.client("server") as client:
        ready = await client.get("/readyz")
        answer = await client.post("/v1/recommendations", json={"user_id": "u"})
    assert ready.status_code == answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "thaw train" in ready.json()["detail"]


async def test_weights_that_appear_later_are_served_without_a_restart(
    replica: Callable[[str], Served], valkey_url: str, weights_directory: Path
) -> None:
    service = replica(valkey_url)
    await service.start(until="/livez")
    version = save_generated(weights_directory).version
    async with service.client("server") as client, asyncio.timeout(10):
        while (await client.get("/readyz")).status_code != httpx.codes.OK:
            pass
        answer = await recommended(client, "u")
    assert answer["personalization"]["weights_version"] == version
