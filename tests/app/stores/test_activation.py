"""The desired version, and the replicas."""

import pytest

from app.stores import activation
from app.stores.activation import Activation, Replica
from app.stores.database import Database


async def test_the_version_before_is_remembered(database: Database) -> None:
    store = Activation(database)
    assert await store.desired() == (None, None)
    await store.activate("v1")
    assert await store.desired() == ("v1", None)
    await store.activate("v2")
    await store.activate("v2")
    assert await store.desired() == ("v2", "v1")
    await store.activate("v1")
    assert await store.desired() == ("v1", "v2")


async def test_the_first_choice_remembers_what_was_served(database: Database) -> None:
    store = Activation(database)
    await store.activate("v2", serving="v1")
    assert await store.desired() == ("v2", "v1")
    await store.activate("v3", serving="v0")
    assert await store.desired() == ("v3", "v2")


async def test_the_version_that_is_served_is_not_its_own_previous(database: Database) -> None:
    store = Activation(database)
    await store.activate("v1", serving="v1")
    assert await store.desired() == ("v1", None)


async def test_a_version_is_adopted_only_where_nobody_chose(database: Database) -> None:
    store = Activation(database)
    await store.adopt("v1")
    await store.adopt("v2")
    assert await store.desired() == ("v1", None)
    await store.activate("v3")
    assert await store.desired() == ("v3", "v1")


async def test_replicas_show_while_their_hearts_beat(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000_000]
    monkeypatch.setattr(activation, "now_ms", lambda: now[0])
    store = Activation(database)
    await store.heartbeat("a", None, 0)
    await store.heartbeat("b", "v1", 7)
    now[0] += 3_000
    await store.heartbeat("a", "v2", 8)
    assert await store.replicas(max_age_seconds=3) == [
        Replica("a", "v2", 8, now[0]),
        Replica("b", "v1", 7, now[0] - 3_000),
    ]
    assert [each.replica_id for each in await store.replicas(max_age_seconds=2.9)] == ["a"]
    await store.leave("a")
    assert await store.replicas(max_age_seconds=2.9) == []
    now[0] += activation.FORGET_REPLICA_MS
    await store.heartbeat("c", "v2", 8)
    assert [each.replica_id for each in await store.replicas(10**9)] == ["c"]
