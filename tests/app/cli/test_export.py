"""`thaw export`: what the service has seen, as a folder that the other commands read."""

import asyncio
import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from app.cli.console import load_settings
from app.domain import Entity, Event, Item, Namespace, User
from app.stores.catalogue import Catalogue
from app.stores.database import Database
from app.stores.event_log import EventLog
from models.data import read
from tests.app.cli.conftest import BASKET, ITEMS, USERS, Ended

Thaw = Callable[..., Ended]
NOW = 1_700_000_000_000


@pytest.fixture
def opened(thaw: Thaw) -> Thaw:
    """With a database that holds nothing yet."""
    assert thaw("db", "upgrade").code == 0
    return thaw


def remember(
    events: Sequence[Event], items: Sequence[Item] = (), users: Sequence[User] = ()
) -> None:
    async def write() -> None:
        settings = load_settings()
        database = await Database.open(settings.database.url, settings.namespace)
        log = EventLog(database)
        log.start()
        await log.append(events)
        await Catalogue(database).put_items(items)
        await Catalogue(database).put_users(users)
        await log.close()
        await database.close()

    asyncio.run(write())


def event(who: str, item_id: str, weight: float = 1.0, number: int = 0) -> Event:
    namespace, _, id_ = who.rpartition(":")
    entity = Entity(Namespace(namespace or "user"), id_)
    return Event(entity, f"e{number}", item_id, "like", weight, NOW + number)


def test_tables_hold_what_was_remembered(opened: Thaw, tmp_path: Path) -> None:
    events = [event("ann", "i1"), event("ann", "i2", -1.0, 1), event("anon:g", "i1", 0.5, 2)]
    items = [Item("i1", {"price": 3, "tags": ["a"]}), Item("i2", {"price": 2.5}, hidden=True)]
    remember([*events, event("ben", "i1", 0.0, 3)], items, [User("ann", {"age": 7})])
    ended = opened("export", "--out", "out", "--json")
    assert json.loads(ended.out) == {"interactions": 3, "items": 2, "users": 1}
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "interactions.parquet",
        "items.parquet",
        "users.parquet",
    ]
    rows = pl.read_parquet("out/interactions.parquet")
    assert rows.with_columns(pl.col("timestamp").dt.timestamp("ms")).rows() == [
        ("anon:g", "i1", NOW + 2, 0.5),
        ("ann", "i1", NOW, 1.0),
        ("ann", "i2", NOW + 1, -1.0),
    ]
    assert pl.read_parquet("out/items.parquet").rows() == [("i1", 3.0, ["a"]), ("i2", 2.5, None)]
    assert pl.read_parquet("out/users.parquet").rows() == [("ann", 7)]


def test_pseudonyms_are_the_same_each_time_and_say_nothing(opened: Thaw) -> None:
    remember([event("ann", "i1"), event("ben", "i1")], users=[User("ann", {"mail": "ann@x"})])
    opened("export", "--out", "plain")
    for out in ("one", "two"):
        assert opened("export", "--out", out, "--pseudonyms").code == 0
    ids = [pl.read_parquet(f"{out}/interactions.parquet")["user_id"] for out in ("one", "two")]
    assert ids[0].to_list() == ids[1].to_list()
    assert not set(ids[0]) & {"ann", "ben"}
    assert ids[0].n_unique() == 2
    assert Path("plain/users.parquet").exists()
    assert not Path("one/users.parquet").exists()
    key = Path("var/pseudonyms.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_an_export_replaces_the_one_before(opened: Thaw) -> None:
    remember([event("ann", "i1")], users=[User("ann", {"age": 7})])
    opened("export", "--out", "out")
    remember([event("ben", "i1", number=9)])
    opened("export", "--out", "out", "--pseudonyms")
    assert len(pl.read_parquet("out/interactions.parquet")) == 2
    assert not Path("out/users.parquet").exists()


def test_a_log_that_teaches_nothing_is_said_and_leaves_the_folder_alone(opened: Thaw) -> None:
    remember([event("ann", "i1", 0.0)])
    ended = opened("export", "--out", "out")
    assert ended.code == 2
    assert "no event teaches anything" in ended.err
    assert list(Path("out").iterdir()) == []


def test_a_database_without_tables_is_named(thaw: Thaw) -> None:
    ended = thaw("export", "--out", "out")
    assert ended.code == 2
    assert "thaw db upgrade" in ended.err


def test_what_was_imported_comes_out_again(opened: Thaw, shop: Path) -> None:
    assert opened("import", "--data", shop).code == 0
    assert opened("export", "--out", "out").code == 0
    before, after = read(shop), read(Path("out"))
    assert after.user_ids == before.user_ids
    assert after.item_ids == before.item_ids
    assert after.report.kept == USERS * BASKET
    assert (after.user == before.user).all()
    assert (after.item == before.item).all()
    assert before.timestamp is not None
    assert after.timestamp is not None
    assert (after.timestamp == before.timestamp).all()
    assert after.items is not None
    assert after.items.height == ITEMS
