"""Items, users and the log of catalogue changes."""

import asyncio

from app.domain import Entity, Item, Namespace, PlacedWindow, Position, User, Window
from app.stores.catalogue import Catalogue, Changes, Standing
from app.stores.database import Database
from app.stores.event_log import EventLog
from tests.app.stores.given import ANN, BOB, SEEN, click, window

FILM = Item("f/1", {"title": "Brazil ☂", "year": 1985, "tags": ["a", None]})
HIDDEN = Item("f2", {}, hidden=True, available_from=5, available_until=2**40)


async def test_items_come_back_as_they_went(database: Database) -> None:
    catalogue = Catalogue(database)
    assert await catalogue.put_items([FILM, HIDDEN]) == 1
    assert await catalogue.get_item("f/1") == FILM
    assert await catalogue.get_item("f2") == HIDDEN
    assert await catalogue.get_item("none") is None


async def test_only_what_changes_makes_an_epoch(database: Database) -> None:
    catalogue = Catalogue(database)
    assert await catalogue.put_items([FILM, HIDDEN]) == 1
    assert await catalogue.put_items([FILM, HIDDEN]) == 1
    shown = Item("f2", {}, hidden=False)
    assert await catalogue.put_items([FILM, HIDDEN, shown]) == 2
    assert await everything(catalogue, after=0) == [FILM, shown]
    assert await everything(catalogue, after=1) == [shown]
    assert await everything(catalogue, after=2) == []


async def everything(catalogue: Catalogue, after: int, page: int = 100) -> list[Item]:
    """Read to the last page, as workers do."""
    items: list[Item] = []
    changes = Changes((), Standing(0, 0, 0), (after + 1, ""))
    while changes.after is not None:
        changes = await catalogue.changes(changes.after, page)
        items += changes.items
    return items


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
    assert await catalogue.ensure_items(["f/1", "s1", "s2", "s1"]) == 2
    assert await catalogue.ensure_items(["s1", "f/1"]) is None
    assert await catalogue.ensure_items([]) is None
    assert await catalogue.get_item("s1") == Item("s1")
    assert await catalogue.get_item("f/1") == FILM


async def test_writers_at_once_get_epochs_of_their_own(database: Database) -> None:
    catalogue = Catalogue(database)
    pages = [[Item(f"i{n}-{m}") for m in range(20)] for n in range(6)]
    epochs = await asyncio.gather(*(catalogue.put_items(page) for page in pages))
    assert sorted(epochs) == [1, 2, 3, 4, 5, 6]
    first = epochs.index(1)
    assert len(await everything(catalogue, after=1)) == 100
    assert (await catalogue.changes((1, ""), 20)).items == tuple(
        sorted(pages[first], key=lambda item: item.item_id)
    )


async def test_stubs_raced_by_their_items_stay_whole(database: Database) -> None:
    catalogue = Catalogue(database)
    await asyncio.gather(
        *(catalogue.ensure_items(["f/1", f"s{n}"]) for n in range(4)),
        catalogue.put_items([FILM]),
    )
    assert await catalogue.get_item("f/1") == FILM


async def test_changes_come_in_pages_that_split_an_epoch(database: Database) -> None:
    catalogue = Catalogue(database)
    assert await everything(catalogue, after=0) == []
    await catalogue.put_items([Item(f"i{n}") for n in (3, 1, 2)] + [Item("Z"), Item("é")])
    await catalogue.put_items([Item("i1", hidden=True)])
    for page in (1, 2, 5, 6):
        ids = [item.item_id for item in await everything(catalogue, after=0, page=page)]
        assert ids == ["Z", "i2", "i3", "é", "i1"]
    changes = await catalogue.changes((1, "i3"), 5)
    assert (changes.standing.epoch, changes.after) == (2, None)


async def test_what_changes_between_two_pages_comes_again(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items([Item("i1"), Item("i2"), Item("i3")])
    page = await catalogue.changes((1, ""), 2)
    assert page.after == (1, "i2")
    await catalogue.put_items([Item("i1", hidden=True), Item("i3", hidden=True)])
    rest = await catalogue.changes(page.after, 5)
    assert rest.items == (Item("i1", hidden=True), Item("i3", hidden=True))
    assert rest.standing.epoch == 2


async def test_properties_by_name(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items([FILM, HIDDEN])
    found = await catalogue.properties(["f/1", "f2", "none"], ["title", "price"])
    assert found == {"f/1": {"title": "Brazil ☂"}, "f2": {}}


async def test_thousands_at_once(database: Database) -> None:
    catalogue = Catalogue(database)
    many = [Item(f"i{n}", {"n": n}) for n in range(2_500)]
    assert await catalogue.put_items(many) == 1
    assert len(await catalogue.properties([item.item_id for item in many], ["n"])) == 2_500


async def test_users_are_put_and_found(database: Database) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_users([User("u1", {"a": 1}), User("u2", {}), User("u1", {"é": [2, None]})])
    assert await catalogue.get_user("u1") == User("u1", {"é": [2, None]})
    await catalogue.put_users([User("u1", {})])
    assert await catalogue.get_user("u1") == User("u1", {})
    assert await catalogue.get_user("none") is None


async def test_users_whose_properties_change_move_on_in_the_log(
    database: Database, log: EventLog
) -> None:
    catalogue = Catalogue(database)
    await log.append([click(ANN, 1)])
    assert await catalogue.put_users([User("ann", {"n": 1})]) == {ANN: Position(0, 2)}
    both = [User("bob", {"n": 1}), User("ann", {"n": 1})]
    assert await catalogue.put_users(both) == {ANN: Position(0, 2), BOB: Position(0, 1)}
    assert await catalogue.put_users([User("ann", {"n": True})]) == {ANN: Position(0, 3)}
    assert await log.pending(10) == {ANN: Position(0, 3), BOB: Position(0, 1)}


async def test_properties_come_with_the_window(database: Database, log: EventLog) -> None:
    catalogue = Catalogue(database)
    guest = Entity(Namespace.ANON, "ann")
    await log.append([click(ANN, 1), click(guest, 1)])
    await catalogue.put_users([User("ann", {"n": [1, "é"]}), User("bob", {"n": 2})])
    assert await log.window(ANN, SEEN) == PlacedWindow(
        window(click(ANN, 1)), Position(0, 2), {"n": [1, "é"]}
    )
    assert await log.window(BOB, SEEN) == PlacedWindow(Window(), Position(0, 1), {"n": 2})
    assert (await log.window(guest, SEEN)).properties == {}
