"""The first users of a new item tell for whom it is, on two real processes."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.generated import save_generated
from tests.integration.served import Served, item_ids, like, recommended
from tests.integration.test_cold_starts import Clients, put, two_replicas

NEW, FANS = "fresh", 12
VISITORS = {"even": (20, 30, 40), "odd": (21, 31, 41)}
Lists = dict[str, list[Any]]


async def likes(client: httpx.AsyncClient, user: str, items: Sequence[str]) -> None:
    for number, item in enumerate(items):
        await like(client, user, item, event_id=f"{user}-{number}")


async def lists(client: httpx.AsyncClient) -> tuple[int, Lists]:
    """The epoch, and what both visitors get then."""
    while True:
        answers = {name: await recommended(client, name, k=80) for name in VISITORS}
        epochs = {answer["catalogue_epoch"] for answer in answers.values()}
        if len(epochs) == 1:
            return epochs.pop(), {name: one["items"] for name, one in answers.items()}


async def agreed(clients: Clients, holds: Callable[[Lists], bool]) -> Lists:
    """What all replicas say at one epoch, once it is so."""
    async with asyncio.timeout(60):
        while True:
            told = [await lists(client) for client in clients]
            if all(one == told[0] for one in told) and holds(told[0][1]):
                return told[0][1]
            await asyncio.sleep(0.05)


def place(told: Lists, name: str) -> int:
    return item_ids({"items": told[name]}).index(NEW)


def score(told: Lists, name: str) -> float:
    return float(told[name][place(told, name)]["score"])


async def test_a_new_item_rises_for_those_whom_its_first_users_are_like(
    replica: Callable[[str], Served], weights_directory: Path, valkey_url: str
) -> None:
    """And when these are erased, everything is as if they had never been."""
    save_generated(weights_directory, tastes=True)
    async with two_replicas(replica, valkey_url) as clients:
        await put(clients[0], f"/v1/items/{NEW}", {})
        for name, known in VISITORS.items():
            await likes(clients[0], name, [f"i{number:03d}" for number in known])
        once = await agreed(clients, lambda _: True)
        await likes(clients[0], "counted", [NEW])  # after all others, so all others are by then
        before = await agreed(clients, lambda told: score(told, "odd") > score(once, "odd"))
        for fan in range(FANS):
            liked = [f"i{number:03d}" for number in range(2 * fan, 2 * fan + 8, 2)]
            await likes(clients[fan % 2], f"fan-{fan}", [*liked, NEW])
        after = await agreed(clients, lambda told: score(told, "even") > score(before, "even") + 2)
        risen = {name: place(before, name) - place(after, name) for name in VISITORS}
        assert risen["even"] > max(0, risen["odd"])
        assert score(after, "even") - score(before, "even") > 1 + (
            score(after, "odd") - score(before, "odd")
        )
        for fan in range(FANS):
            gone = await clients[0].delete(f"/v1/users/fan-{fan}")
            assert gone.status_code == httpx.codes.OK, gone.text
        assert await agreed(clients, lambda told: told == before) == before
