"""Positive events are counted by item, each exactly once, beside everything else."""

import asyncio
from dataclasses import replace

import pytest

from app.domain import Event, Item
from app.stores import popularity
from app.stores.catalogue import Catalogue
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.popularity import PAUSE_MS, Popularity
from tests.app.stores.given import ANN, BOB, NOW, click


def on(item_id: str, number: int, weight: float = 1.0) -> Event:
    return replace(click(ANN, number, item_id), weight=weight)


async def counted(database: Database, *item_ids: str) -> list[tuple[int, int] | None]:
    """Events and unseen of each item."""
    found = [await Catalogue(database).get_item(item_id) for item_id in item_ids]
    return [None if item is None else (item.events, item.unseen) for item in found]


async def standing(database: Database) -> tuple[int, int]:
    now = (await Catalogue(database).changes((1, ""), 1)).standing
    return now.epoch, now.events


async def test_positive_events_count_once(database: Database, log: EventLog) -> None:
    catalogue, counts = Catalogue(database), Popularity(database)
    await catalogue.put_items([Item("a", {"t": 1}), Item("b"), Item("c")])
    await log.append([on("a", 1), on("a", 2), on("b", 3), on("b", 4, -1.0), on("c", 5, 0.0)])
    await log.append([on("a", 2), replace(on("a", 2), entity=BOB)])
    assert await counts.count(NOW, stubs=False)
    assert await counted(database, "a", "b", "c") == [(3, 0), (1, 0), (0, 0)]
    assert await standing(database) == (2, 4)
    assert not await counts.count(NOW + PAUSE_MS, stubs=False)
    assert await standing(database) == (2, 4)
    stored = await catalogue.get_item("a")
    assert stored is not None
    assert stored.properties == {"t": 1}


async def test_it_rests_between_counts(database: Database, log: EventLog) -> None:
    counts = Popularity(database)
    for number, (now, done) in enumerate(
        [(NOW, True), (NOW + PAUSE_MS - 1, False), (NOW + PAUSE_MS, True), (NOW, True)]
    ):
        await log.append([on("a", number)])
        assert await counts.count(now, stubs=True) == done
    assert await counted(database, "a") == [(4, 0)]


async def test_unknown_items_are_made_or_forgotten(database: Database, log: EventLog) -> None:
    counts = Popularity(database)
    await log.append([on("a", 1)])
    await counts.count(NOW, stubs=False)
    assert await counted(database, "a") == [None]
    await log.append([on("b", 2), on("c", 3)])
    await counts.count(NOW + PAUSE_MS, stubs=True, known={"c"})
    assert await counted(database, "b", "c") == [(1, 1), (1, 0)]


async def test_an_item_has_chances_only_while_it_is_open(database: Database, log: EventLog) -> None:
    catalogue, counts = Catalogue(database), Popularity(database)
    opening = Item("opening", available_from=NOW + 20 * PAUSE_MS)
    closing = Item("closing", available_until=NOW + 20 * PAUSE_MS)
    await catalogue.put_items([opening, closing, Item("hidden", hidden=True)])

    async def happen(at: int) -> None:
        await log.append([on("other", at)])
        await counts.count(NOW + at * PAUSE_MS, stubs=True)

    for at in (1, 2, 3):
        await happen(at)
    await catalogue.put_items([Item("hidden"), Item("new")])
    for at in (4, 5):
        await happen(at)
    names = ("opening", "closing", "hidden", "new")
    assert await counted(database, *names) == [(0, 0), (0, 0), (0, 3), (0, 3)]
    for at in (21, 22):
        await happen(at)
    assert await counted(database, *names) == [(0, 5), (0, -5), (0, 3), (0, 3)]
    await catalogue.put_items([Item("hidden", hidden=True), Item("closing")])
    await happen(23)
    await catalogue.put_items([Item("hidden")])
    assert await counted(database, *names) == [(0, 5), (0, 2), (0, 4), (0, 3)]


async def test_putting_an_item_again_keeps_its_events(database: Database, log: EventLog) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items([Item("a")])
    await log.append([on("a", 1)])
    await Popularity(database).count(NOW, stubs=True)
    await catalogue.put_items([Item("a", {"n": 1}, events=77, unseen=77)])
    assert await counted(database, "a") == [(1, 0)]


async def test_counters_at_once_count_everything_once(database: Database, log: EventLog) -> None:
    counts = Popularity(database)
    for number in range(40):
        await log.append([on(f"i{number % 7}", number)])
    done = await asyncio.gather(*(counts.count(NOW, stubs=True) for _ in range(5)))
    assert sum(done) == 1
    assert await standing(database) == (1, 40)


async def test_appends_and_changes_of_items_go_on_meanwhile(
    database: Database, log: EventLog
) -> None:
    catalogue, counts = Catalogue(database), Popularity(database)

    async def append() -> None:
        for number in range(60):
            await log.append([on(f"i{number % 7}", number)])

    async def change() -> None:
        for number in range(20):
            await catalogue.put_items([Item(f"i{number % 7}", {"n": number})])

    async def count() -> None:
        for number in range(20):
            await counts.count(NOW + number * PAUSE_MS, stubs=True)

    await asyncio.gather(append(), change(), count())
    await counts.count(NOW + 100 * PAUSE_MS, stubs=True)
    found = await counted(database, *(f"i{number}" for number in range(7)))
    assert sum(item[0] for item in found if item) == 60
    assert (await standing(database))[1] == 60


async def test_a_long_queue_is_counted_in_bounded_parts(
    database: Database, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(popularity, "APPENDS", 2)
    monkeypatch.setattr(popularity, "ITEMS", 3)
    for number in range(7):
        await log.append([on(f"i{number}", number)])
    counts = Popularity(database)
    totals = []
    for step in range(4):
        await counts.count(NOW + step * PAUSE_MS, stubs=True)
        totals.append((await standing(database))[1])
    assert totals == [4, 7, 7, 7]
