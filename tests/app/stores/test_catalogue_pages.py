"""The whole catalogue and everybody, in pages of any size."""

import pytest

from app.domain import Item, User
from app.stores.catalogue import Catalogue
from app.stores.catalogue_pages import item_pages, user_pages
from app.stores.database import Database

ITEMS = [Item(f"i{n}", {"n": n}, hidden=n == 2, available_from=n or None) for n in range(5)]
USERS = [User(f"u{n}", {"n": [n]}) for n in range(5)]


@pytest.mark.parametrize("size", [1, 2, 5, 9])
async def test_every_page_size_gives_everything_once(database: Database, size: int) -> None:
    catalogue = Catalogue(database)
    await catalogue.put_items(ITEMS[::-1])
    await catalogue.put_users(USERS[::-1])
    items = [page async for page in item_pages(database, size)]
    users = [page async for page in user_pages(database, size)]
    assert [item for page in items for item in page] == ITEMS
    assert [user for page in users for user in page] == USERS
    assert all(len(page) <= size for page in items)
    assert all(len(page) <= size for page in users)


async def test_nothing_gives_no_page(database: Database) -> None:
    assert [page async for page in item_pages(database)] == []
    assert [page async for page in user_pages(database)] == []
