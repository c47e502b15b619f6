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
