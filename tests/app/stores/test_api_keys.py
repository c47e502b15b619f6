"""API keys."""

import asyncio

import pytest
from sqlalchemy import select

from app.domain import Scope
from app.errors import StorageUnavailable
from app.stores import api_keys
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.tables import ApiKeyRow


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_opens_its_scope(database: Database) -> None:
    keys = ApiKeys(database)
    for scope in Scope:
        key = await keys.create(scope, f"for {scope}")
        assert key.startswith(f"thaw_{scope}_")
        assert await keys.verify(key) is scope
        [shown] = [each for each in await keys.list() if each.scope is scope]
        assert (shown.label, shown.revoked_at) == (f"for {scope}", None)
        assert key.split("_")[2] == shown.key_id


async def test_the_secret_is_not_stored(database: Database) -> None:
    keys = ApiKeys(database)
    secret = (await keys.create(Scope.ADMIN, "")).split("_")[3]
    async with database.read() as connection:
        [row] = await connection.execute(select(ApiKeyRow))
    assert secret not in str(row)


NONSENSE = ("", "thaw", "x_y", "thaw_server_nobody_x", "thaw_a_b_c_d", "thaw_server__", "\ud800")


async def test_nonsense_opens_nothing(database: Database) -> None:
    keys = ApiKeys(database)
    assert [await keys.verify(key) for key in NONSENSE] == [None] * len(NONSENSE)


async def test_a_changed_key_opens_nothing(database: Database) -> None:
    keys = ApiKeys(database)
    key = await keys.create(Scope.PUBLISHABLE, "")
    assert await keys.verify(key.replace("publishable", "admin")) is None
    assert await keys.verify(key[:-1] + ("0" if key[-1] != "0" else "1")) is None
    assert await keys.verify(key[:-1] + "é") is None
    assert await keys.verify(key) is Scope.PUBLISHABLE


async def test_revoking_reaches_other_processes_when_their_cache_ends(database: Database) -> None:
    clock = Clock()
    here, elsewhere = ApiKeys(database), ApiKeys(database, clock=clock)
    key = await here.create(Scope.SERVER, "")
    assert await elsewhere.verify(key) is Scope.SERVER
    key_id = key.split("_")[2]
    assert await here.revoke(key_id)
    assert not await here.revoke(key_id)
    assert not await here.revoke("nobody")
    assert await here.verify(key) is None
    assert await elsewhere.verify(key) is Scope.SERVER
    clock.now += api_keys.CACHE_SECONDS
    assert await elsewhere.verify(key) is None
    assert [each.revoked_at is None for each in await here.list()] == [False]


async def test_known_keys_work_on_while_sql_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    keys = ApiKeys(database, clock=clock)
    known = await keys.create(Scope.SERVER, "")
    unknown = await keys.create(Scope.SERVER, "")
    assert await keys.verify(known) is Scope.SERVER

    def away() -> None:
        raise StorageUnavailable("database")

    monkeypatch.setattr(database, "read", away)
    clock.now += 100
    assert await keys.verify(known) is Scope.SERVER
    with pytest.raises(StorageUnavailable):
        await keys.verify(unknown)


async def test_while_sql_hangs_one_request_waits_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    keys = ApiKeys(database, clock=clock)
    known = await keys.create(Scope.SERVER, "")
    unknown = await keys.create(Scope.SERVER, "")
    assert await keys.verify(known) is Scope.SERVER
    asked = []

    async def hang(_: str) -> None:
        asked.append(clock.now)
        await asyncio.Event().wait()

    monkeypatch.setattr(keys, "_read", hang)
    monkeypatch.setattr(api_keys, "LOOK_UP_SECONDS", 0.01)
    clock.now += 100
    scopes = await asyncio.gather(*(keys.verify(known) for _ in range(20)))
    assert scopes == [Scope.SERVER] * 20
    assert len(asked) == 1
    clock.now += api_keys.CACHE_SECONDS
    assert await keys.verify(known) is Scope.SERVER
    assert len(asked) == 2
    with pytest.raises(StorageUnavailable):
        await keys.verify(unknown)


async def test_made_up_ids_do_not_fill_the_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "CACHE_LIMIT", 3)
    keys = ApiKeys(database)
    for number in range(8):
        assert await keys.verify(f"thaw_server_{number}_x") is None
    assert len(keys._cache) <= 3
