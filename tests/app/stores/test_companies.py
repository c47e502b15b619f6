"""What the first users of newer items know beside them, made from the log."""

import json
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity, Event, Item, Namespace
from app.stores import companies as companies_module
from app.stores.catalogue import Catalogue
from app.stores.companies import Companies
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.members import Members
from app.stores.popularity import PAUSE_MS, Popularity
from tests.app.stores.given import ANN, BOB, NOW, click

NEW = "new"


class Shop:
    def __init__(self, database: Database, log: EventLog) -> None:
        self.log, self.companies = log, Companies(database)
        self.catalogue, self._popularity = Catalogue(database), Popularity(database)
        self.now = NOW

    async def happen(self, *events: Event) -> None:
        """And be counted, as of items of which training knew old-1, old-2, ..."""
        await self.log.append(list(events))
        await self.count()

    async def count(self) -> None:
        self.now += PAUSE_MS
        known = {f"old-{n}" for n in range(1_000)}
        assert await self._popularity.count(self.now, stubs=True, known=known, company=True)

    async def refresh(self) -> None:
        while await self.companies.refresh():
            pass

    async def changed(self, after: int = 0) -> dict[str, Item]:
        changes = await self.catalogue.changes((after + 1, ""), 1_000)
        return {item.item_id: item for item in changes.items}

    async def epoch(self) -> int:
        return (await self.catalogue.changes((1, ""), 1)).standing.epoch

    async def company(self) -> str:
        return (await self.changed())[NEW].company


@pytest.fixture
def shop(database: Database, log: EventLog) -> Shop:
    return Shop(database, log)


def user(number: int) -> Entity:
    return Entity(Namespace.USER, f"user-{number:03d}")


def told(company: str) -> tuple[int, dict[str, float]]:
    content = json.loads(company)
    return content["users"], content["shares"]


async def test_every_user_counts_the_same(shop: Shop) -> None:
    await shop.happen(
        click(ANN, 1, "old-1"), click(ANN, 2, "old-1"), click(ANN, 3, NEW),
        click(BOB, 1, "old-1"), click(BOB, 2, "old-2"), click(BOB, 3, NEW),
        replace(click(BOB, 4, "old-3"), weight=-1.0), replace(click(BOB, 5, "old-4"), weight=0.0),
        replace(click(user(1), 1, NEW), weight=-1.0), click(user(1), 2, "old-5"),
        click(user(2), 1, NEW),
    )  # fmt: skip
    before = await shop.epoch()
    await shop.refresh()
    assert told(await shop.company()) == (2, {"old-1": 1.5, "old-2": 0.5})
    assert list(await shop.changed(before)) == [NEW]
    assert not await shop.companies.refresh()
    assert all(not item.company for key, item in (await shop.changed()).items() if key != NEW)


async def test_a_user_counts_by_what_is_strongest(shop: Shop) -> None:
    strong = [replace(click(ANN, n, f"old-{n}"), weight=9.0) for n in range(50)]
    weak = [click(ANN, 100 + n, f"old-{n}") for n in range(50, 60)]
    await shop.happen(*weak, *strong, click(ANN, 500, NEW))
    await shop.refresh()
    users, shares = told(await shop.company())
    assert users == 1
    assert sorted(shares) == sorted(event.item_id for event in strong)


async def test_the_latest_users_are_asked(shop: Shop) -> None:
    for number in range(60):
        await shop.log.append([click(user(number), number, NEW)])
        await shop.log.append([click(user(number), 100 + number, f"old-{number}")])
    await shop.count()
    await shop.refresh()
    users, shares = told(await shop.company())
    assert users == 50
    assert set(shares) == {f"old-{number}" for number in range(10, 60)}


async def test_large_companies_are_made_anew_when_they_have_grown(shop: Shop) -> None:
    async def another(number: int) -> str:
        await shop.happen(click(user(number), 1, f"old-{number}"), click(user(number), 2, NEW))
        await shop.refresh()
        return await shop.company()

    made = [await another(number) for number in range(25)]
    assert len(set(made[:10])) == 10
    assert 14 < len(set(made)) < 20
    assert not await shop.companies.refresh()


async def test_many_are_made_some_at_a_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companies_module, "_WAITING", companies_module._WAITING.limit(2))
    many = [click(ANN, 10 + n, f"new-{n}") for n in range(5)]
    await shop.happen(click(ANN, 1, "old-1"), *many)
    before = await shop.epoch()
    await shop.refresh()
    assert await shop.epoch() == before + 3
    items = await shop.changed(before)
    assert sorted(items) == sorted(event.item_id for event in many)
    assert all(told(item.company)[1]["old-1"] == 0.2 for item in items.values())


async def test_who_is_erased_is_forgotten_at_once(shop: Shop, database: Database) -> None:
    for entity, other in ((ANN, "old-1"), (BOB, "old-2")):
        await shop.happen(click(entity, 1, other), click(entity, 2, NEW), click(entity, 3, "new-2"))
    await shop.refresh()
    before = await shop.epoch()
    await Members(database).erase(ANN, shop.now + 1)
    assert {key: item.company for key, item in (await shop.changed(before)).items()} == {
        NEW: "",
        "new-2": "",
    }
    await shop.count()
    await shop.refresh()
    assert told(await shop.company()) == (1, {"old-2": 0.5, "new-2": 0.5})


async def test_who_is_erased_while_companies_are_made_stays_forgotten(
    shop: Shop, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.happen(click(ANN, 1, "old-1"), click(ANN, 2, NEW))
    made = companies_module._made

    async def slowly(connection: AsyncConnection, item_id: str) -> str:
        company = await made(connection, item_id)
        assert told(company) == (1, {"old-1": 1.0})
        await Members(database).erase(ANN, shop.now + 1)
        return company

    monkeypatch.setattr(companies_module, "_made", slowly)
    assert await shop.companies.refresh()
    assert await shop.company() == ""
    monkeypatch.setattr(companies_module, "_made", made)
    await shop.count()
    await shop.refresh()
    assert await shop.company() == ""


async def test_without_anybody_to_tell_nothing_is_due(shop: Shop) -> None:
    await shop.happen(click(ANN, 1, "old-1"))
    assert not await shop.companies.refresh()
