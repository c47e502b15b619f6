"""API keys."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain import Scope
from app.errors import LastAdminKey, NotFound, StorageUnavailable
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
        made = await keys.create(scope, f"for {scope}")
        key = made.text
        assert key.startswith(f"thaw_{scope}_")
        assert await keys.verify(key) is scope
        [shown] = [each for each in await keys.list() if each.scope is scope]
        assert shown == made.key
        assert (shown.label, shown.revoked_at) == (f"for {scope}", None)
        assert key.split("_")[2] == shown.key_id


async def test_the_secret_is_not_stored(database: Database) -> None:
    keys = ApiKeys(database)
    made = await keys.create(Scope.ADMIN, "")
    old = made.text.split("_")[3]
    new = (await keys.rotate(made.key.key_id, 1000)).text.split("_")[3]
    async with database.read() as connection:
        [row] = await connection.execute(select(ApiKeyRow))
    assert old not in str(row)
    assert new not in str(row)


NONSENSE = ("", "thaw", "x_y", "thaw_server_nobody_x", "thaw_a_b_c_d", "thaw_server__", "\ud800")


async def test_nonsense_opens_nothing(database: Database) -> None:
    keys = ApiKeys(database)
    assert [await keys.verify(key) for key in NONSENSE] == [None] * len(NONSENSE)


async def test_a_changed_key_opens_nothing(database: Database) -> None:
    keys = ApiKeys(database)
    key = (await keys.create(Scope.PUBLISHABLE, "")).text
    assert await keys.verify(key.replace("publishable", "admin")) is None
    assert await keys.verify(key[:-1] + ("0" if key[-1] != "0" else "1")) is None
    assert await keys.verify(key[:-1] + "é") is None
    assert await keys.verify(key) is Scope.PUBLISHABLE


async def test_revoking_reaches_other_processes_when_their_cache_ends(database: Database) -> None:
    clock = Clock()
    here, elsewhere = ApiKeys(database), ApiKeys(database, clock=clock)
    key = (await here.create(Scope.SERVER, "")).text
    assert await elsewhere.verify(key) is Scope.SERVER
    key_id = key.split("_")[2]
    revoked = await here.revoke(key_id)
    assert revoked.revoked_at is not None
    assert await here.revoke(key_id) == revoked
    with pytest.raises(NotFound):
        await here.revoke("nobody")
    assert await here.verify(key) is None
    assert await elsewhere.verify(key) is Scope.SERVER
    clock.now += api_keys.CACHE_SECONDS
    assert await elsewhere.verify(key) is None
    assert [each.revoked_at is None for each in await here.list()] == [False]


async def test_a_rotated_key_has_a_new_secret_and_the_old_one_ends_with_its_grace(
    database: Database,
) -> None:
    now = 1_000_000
    keys = ApiKeys(database, now_ms=lambda: now)
    made = await keys.create(Scope.SERVER, "shop")
    first, key_id = made.text, made.key.key_id
    rotated = await keys.rotate(key_id, 500)
    second = rotated.text
    assert rotated.key == replace(made.key, previous_until=now + 500)
    assert [await keys.verify(key) for key in (first, second)] == [Scope.SERVER] * 2
    now += 500
    assert [await keys.verify(key) for key in (first, second)] == [None, Scope.SERVER]
    third = (await keys.rotate(key_id, 500)).text
    fourth = (await keys.rotate(key_id, 500)).text
    assert [await keys.verify(key) for key in (first, second)] == [None, None]
    assert [await keys.verify(key) for key in (third, fourth)] == [Scope.SERVER] * 2
    await keys.revoke(key_id)
    assert [await keys.verify(key) for key in (third, fourth)] == [None, None]
    for missing in (key_id, "nobody"):
        with pytest.raises(NotFound):
            await keys.rotate(missing, 500)


async def test_without_grace_the_old_secret_ends_at_once(database: Database) -> None:
    keys = ApiKeys(database)
    made = await keys.create(Scope.PUBLISHABLE, "")
    rotated = await keys.rotate(made.key.key_id, 0)
    assert rotated.key.previous_until is None
    assert await keys.verify(made.text) is None
    assert await keys.verify(rotated.text) is Scope.PUBLISHABLE


async def test_one_admin_key_always_stays(database: Database) -> None:
    here, there = ApiKeys(database), ApiKeys(database)
    await here.create(Scope.SERVER, "")
    both = [(await here.create(Scope.ADMIN, "")).key.key_id for _ in range(2)]
    outcomes = await asyncio.gather(
        here.revoke(both[0]), there.revoke(both[1]), return_exceptions=True
    )
    assert [type(one) for one in outcomes].count(LastAdminKey) == 1
    left = [key for key in await here.list() if key.revoked_at is None]
    assert sorted(key.scope for key in left) == [Scope.ADMIN, Scope.SERVER]


async def test_known_keys_work_on_while_sql_is_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    keys = ApiKeys(database, clock=clock)
    known = (await keys.create(Scope.SERVER, "")).text
    unknown = (await keys.create(Scope.SERVER, "")).text
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
    known = (await keys.create(Scope.SERVER, "")).text
    unknown = (await keys.create(Scope.SERVER, "")).text
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
