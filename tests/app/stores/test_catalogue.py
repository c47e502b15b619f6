"""Items, users and the log of catalogue changes."""

import asyncio

from app.domain import Item, User
from app.stores.catalogue import Catalogue, CatalogueChange
from app.stores.database import Database

FILM = Item("f/1", {"title": "Brazil ☂", "year": 1985, "tags": ["a", None]})
HIDDEN = Item("f2", {}, hidden=True, available_from=5, available_until=2**40)


async def test_items_come_back_as_they_went(database: Database) -> None:
    catalogue = Catalogue(database)
    assert await catalogue.put_items([FILM, HIDDEN]) == 2
    assert await catalogue.get_item("f/1") == FILM
    assert await catalogue.get_item("f2") == HIDDEN
    assert await catalogue.get_item("none") is None


async def test_only_what_changes_makes_an_epoch(database: Database) -> None:
    catalogue = Catalogue(database)
    assert await catalogue.epoch() == 0
    await catalogue.put_items([FILM, HIDDEN])
    assert await catalogue.put_items([FILM, HIDDEN]) == 2
    shown = Item("f2", {}, hidden=False)
    assert await catalogue.put_items([FILM, HIDDEN, shown]) == 3
    assert await catalogue.changes(0, 10) == [
        CatalogueChange(1, "f/1", False, None, None),
        CatalogueChange(2, "f2", True, 5, 2**40),
        CatalogueChange(3, "f2", False, None, None),
    ]
    assert await catalogue.changes(1, 1) == [CatalogueChange(2, "f2", True, 5, 2**40)]
    assert await catalogue.changes(3, 10) == []


async def test_numbers_of_another_kind_are_a_change(database: Database) -> None:
    catalogue = Catalogue(database)
    for epoch, value in enumerate((1, True, 1.0, [1], [True]), start=1):
        item = Item("i", {"a": "b", "n": value})
        assert await catalogue.put_items([item]) == epoch
        assert await catalogue.put_items([Item("i", {"n": value, "a": "b"})]) == epoch
        found = await catalogue.get_item("i")
        assert found is not None
        assert repr(found.properties["n"]) == repr(value)


async def test_stubs_are_made_once(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items([FILM])
    assert await catalogue.ensure_items(["f/1", "s1", "s2", "s1"]) == 3
    assert await catalogue.ensure_items(["s1", "f/1"]) is None
    assert await catalogue.ensure_items([]) is None
    assert await catalogue.get_item("s1") == Item("s1")
    assert await catalogue.get_item("f/1") == FILM


async def test_writers_at_once_get_epochs_of_their_own(database: Database) -> None:
    catalogue = Catalogue(database)
    pages = [[Item(f"i{n}-{m}") for m in range(20)] for n in range(6)]
    lasts = await asyncio.gather(*(catalogue.put_items(page) for page in pages))
    assert sorted(lasts) == [20 * n for n in range(1, 7)]
    changes = await catalogue.changes(0, 1_000)
    assert [change.epoch for change in changes] == list(range(1, 121))
    assert len({change.item_id for change in changes}) == 120


async def test_stubs_raced_by_their_items_stay_whole(database: Database) -> None:
    catalogue = Catalogue(database)
    await asyncio.gather(
        *(catalogue.ensure_items(["f/1", f"s{n}"]) for n in range(4)),
        catalogue.put_items([FILM]),
    )
    assert await catalogue.get_item("f/1") == FILM


async def test_all_items_in_pages(database: Database) -> None:
    catalogue = Catalogue(database)
    assert [page async for page in catalogue.all_items()] == []
    await catalogue.put_items([Item(f"i{n}") for n in (3, 1, 2)] + [Item("Z"), Item("é")])
    pages = [[each.item_id for each in page] async for page in catalogue.all_items(page=2)]
    assert pages == [["Z", "i1"], ["i2", "i3"], ["é"]]
    assert [page async for page in catalogue.all_items(page=5)] == [
        [
            CatalogueChange(4, "Z", False, None, None),
            CatalogueChange(2, "i1", False, None, None),
            CatalogueChange(3, "i2", False, None, None),
            CatalogueChange(1, "i3", False, None, None),
            CatalogueChange(5, "é", False, None, None),
        ]
    ]


async def test_properties_by_name(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items([FILM, HIDDEN])
    found = await catalogue.properties(["f/1", "f2", "none"], ["title", "price"])
    assert found == {"f/1": {"title": "Brazil ☂"}, "f2": {}}


async def test_thousands_at_once(database: Database) -> None:
    catalogue = Catalogue(database)
    many = [Item(f"i{n}", {"n": n}) for n in range(2_500)]
    assert await catalogue.put_items(many) == 2_500
    assert len(await catalogue.properties([item.item_id for item in many], ["n"])) == 2_500


async def test_users_are_put_and_found(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_users([User("u1", {"a": 1}), User("u2", {}), User("u1", {"é": [2, None]})])
    assert await catalogue.get_user("u1") == User("u1", {"é": [2, None]})
    await catalogue.put_users([User("u1", {})])
    assert await catalogue.get_user("u1") == User("u1", {})
    assert await catalogue.get_user("none") is None
