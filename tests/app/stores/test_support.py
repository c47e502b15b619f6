"""Windows in Redis, on a standalone Valkey and on a Cluster."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio

from app.domain import Entity, FastWeights, Namespace, PlacedWindow, Position, Window
from app.errors import StorageUnavailable
from app.stores import keys
from app.stores.append import WindowWrite
from app.stores.redis import Redis, Value, connect
from app.stores.support import Remembered, SupportStore
from tests.app.stores.given import ANN, BOB, GUEST, click, window

ONE, TWO, THREE = (window(*(click(ANN, n) for n in range(upto))) for upto in (1, 2, 3))
STEP_TWO = window(click(ANN, 1))
STEP_THREE = window(click(ANN, 2))


def at(version: int, generation: int = 0) -> Position:
    return Position(generation, version)


def fast(window_digest: bytes, weights_version: str = "v1") -> FastWeights:
    return FastWeights(weights_version, window_digest, b"\x00\n\xff", steps=2, adapted_at=7)


FIRST = WindowWrite(ANN, at(0), at(1), ONE)
SECOND = WindowWrite(ANN, at(1), at(2), STEP_TWO)
THIRD = WindowWrite(ANN, at(2), at(3), STEP_THREE)


@pytest_asyncio.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    opened = connect(redis_url, timeout_ms=5_000)
    yield opened
    await opened.close()


@pytest.fixture
def store(client: Redis) -> SupportStore:
    return SupportStore(client, "thaw", ttl_seconds=3600)


async def meet(store: SupportStore, *entities: Entity) -> str:
    """What first questions do: claim, find nothing in SQL, install that. Returns the claim."""
    claims = {each.claim for each in await store.load(entities)}
    [claim] = claims
    for entity in entities:
        assert await store.install(entity, PlacedWindow(Window(), at(0)), claim) == "stored"
    return claim


async def found(store: SupportStore) -> PlacedWindow | None:
    return (await store.load([ANN]))[0].placed


async def test_windows_grow_by_steps(store: SupportStore) -> None:
    claim = await meet(store, ANN)
    assert await store.merge([FIRST]) == ["stored"]
    assert await store.merge([SECOND]) == ["stored"]
    assert await store.load([ANN]) == [Remembered(PlacedWindow(TWO, at(2)), None, claim)]


async def test_delivery_twice_changes_nothing(store: SupportStore) -> None:
    await meet(store, ANN)
    await store.merge([FIRST])
    assert await store.merge([FIRST]) == ["kept"]
    await store.merge([SECOND])
    assert await store.merge([FIRST, SECOND]) == ["outdated", "kept"]
    assert await found(store) == PlacedWindow(TWO, at(2))


async def test_only_a_reader_makes_a_key(store: SupportStore, client: Redis) -> None:
    assert await store.merge([FIRST]) == ["missing"]
    assert await store.invalidate({ANN: at(1)}) == ["missing"]
    assert await store.install(ANN, PlacedWindow(ONE, at(1)), "c1a1") == "missing"
    assert await client.run([("EXISTS", keys.window("thaw", ANN))]) == [0]


async def test_a_step_without_its_base_leaves_a_tombstone(store: SupportStore) -> None:
    [remembered] = await store.load([ANN])
    assert await store.merge([SECOND]) == ["invalidated"]
    assert await store.load([ANN]) == [Remembered(None, None, remembered.claim)]
    assert await store.merge([FIRST]) == ["outdated"]
    assert await store.merge([THIRD]) == ["invalidated"]
    assert await store.install(ANN, PlacedWindow(TWO, at(2)), remembered.claim) == "outdated"
    assert await store.install(ANN, PlacedWindow(THREE, at(3)), remembered.claim) == "stored"
    assert await found(store) == PlacedWindow(THREE, at(3))


async def test_writers_out_of_order_end_in_a_rebuild(store: SupportStore) -> None:
    await meet(store, ANN)
    await store.merge([FIRST])
    assert await store.merge([THIRD]) == ["invalidated"]
    assert await store.merge([SECOND]) == ["outdated"]
    assert await found(store) is None


async def test_an_older_generation_is_refused(store: SupportStore) -> None:
    [remembered] = await store.load([ANN])
    claim = remembered.claim
    await store.invalidate({ANN: at(4, generation=1)})
    assert await store.merge([FIRST]) == ["refused"]
    assert await store.install(ANN, PlacedWindow(ONE, at(9)), claim) == "refused"
    assert await store.put_fast(ANN, at(9), fast(ONE.digest)) == "refused"
    assert await store.load([ANN]) == [remembered]
    assert await store.install(ANN, PlacedWindow(ONE, at(4, generation=1)), claim) == "stored"


async def test_a_newer_generation_replaces(store: SupportStore) -> None:
    claim = await meet(store, ANN)
    await store.merge([FIRST])
    fresh = WindowWrite(ANN, at(0, generation=1), at(1, generation=1), STEP_TWO)
    assert await store.merge([fresh]) == ["invalidated"]
    placed = PlacedWindow(STEP_TWO, at(1, generation=1))
    assert await store.install(ANN, placed, claim) == "stored"
    assert await found(store) == placed


async def test_a_rebuild_needs_the_claim_of_its_key(store: SupportStore, client: Redis) -> None:
    placed = PlacedWindow(ONE, at(1))
    [before] = await store.load([ANN])
    assert await store.install(ANN, placed, before.claim) == "stored"
    await client.run([("DEL", keys.window("thaw", ANN))])
    assert await store.install(ANN, placed, before.claim) == "missing"
    [after] = await store.load([ANN])
    assert await store.install(ANN, placed, before.claim) == "invalidated"
    assert await found(store) is None
    assert await store.install(ANN, placed, after.claim) == "stored"


async def test_of_two_readers_at_once_one_claims_for_both(store: SupportStore) -> None:
    loaded = await asyncio.gather(*(store.load([ANN]) for _ in range(2)))
    placed = PlacedWindow(ONE, at(1))
    outcomes = {await store.install(ANN, placed, each.claim) for [each] in loaded}
    assert "stored" in outcomes
    assert await found(store) == placed


async def test_invalidate_spares_what_is_as_new(store: SupportStore) -> None:
    await meet(store, ANN, BOB)
    await store.merge([FIRST])
    assert await store.invalidate({ANN: at(1), BOB: at(1)}) == ["kept", "invalidated"]
    assert await store.invalidate({ANN: at(2)}) == ["invalidated"]
    assert [each.placed for each in await store.load([ANN, BOB])] == [None, None]


async def test_fast_weights_lie_beside_their_window(store: SupportStore) -> None:
    claim = await meet(store, ANN)
    await store.merge([FIRST])
    kept = fast(ONE.digest)
    assert await store.put_fast(ANN, at(1), kept) == "stored"
    assert await store.load([ANN]) == [Remembered(PlacedWindow(ONE, at(1)), kept, claim)]


def test_fast_weights_belong_to_one_window_and_version() -> None:
    kept = fast(ONE.digest)
    assert kept.belong_to("v1", ONE.digest)
    assert not kept.belong_to("v2", ONE.digest)
    assert not kept.belong_to("v1", TWO.digest)


async def test_every_key_expires_and_lies_in_the_slot_of_its_entity(
    store: SupportStore, client: Redis
) -> None:
    write = WindowWrite(GUEST, at(0), at(1), ONE)
    await meet(store, ANN, GUEST)
    await store.merge([write])
    await store.put_fast(GUEST, at(1), fast(ONE.digest))
    await store.load([BOB])
    await store.invalidate({ANN: at(1)})
    names = [keys.window("thaw", each) for each in (GUEST, BOB, ANN)]
    names.append(keys.fast_weights("thaw", GUEST))
    lifetimes = await client.run([("PTTL", name) for name in names])
    assert all(isinstance(each, int) and each > 0 for each in lifetimes)


async def test_many_entities_in_one_call(store: SupportStore) -> None:
    entities = [Entity(Namespace.USER, f"u{n}") for n in range(600)]
    writes = [replace(FIRST, entity=entity) for entity in entities]
    await meet(store, *entities)
    assert set(await store.merge(writes)) == {"stored"}
    loaded = await store.load(entities)
    assert [each.placed for each in loaded] == [PlacedWindow(ONE, at(1))] * 600


async def test_nothing_to_do_sends_nothing() -> None:
    sent: list[Sequence[Value]] = []
    store = SupportStore(Redis(Recording(sent), 1.0), "thaw", 60)
    assert (await store.merge([]), await store.load([]), await store.invalidate({})) == ([], [], [])
    assert sent == []


async def test_scripts_come_back_after_a_flush(support: SupportStore, redis: Redis) -> None:
    await meet(support, ANN)
    await support.merge([FIRST])
    await redis.run([("SCRIPT", "FLUSH")])
    assert await support.merge([SECOND]) == ["stored"]


class Recording:
    """A transport that fails, and notes what it was asked."""

    def __init__(self, sent: list[Sequence[Value]]) -> None:
        self.sent = sent

    async def send(self, commands: Sequence[Sequence[Value]]) -> list[object]:
        self.sent += commands
        raise OSError("down")

    async def everywhere(self, command: Sequence[Value]) -> list[object]:
        return await self.send([command])

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_dead_server_is_asked_once_a_second() -> None:
    now = [100.0]
    sent: list[Sequence[Value]] = []
    redis = Redis(Recording(sent), 1.0, clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            await redis.run([("PING",)])
    assert len(sent) == 1
    now[0] += 1.01
    with pytest.raises(StorageUnavailable):
        await redis.run([("PING",)])
    assert len(sent) == 2
    with pytest.raises(StorageUnavailable):
        await redis.ping()
    assert len(sent) == 3


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1", "unix:///no"]
)
async def test_an_unreachable_server_is_told(url: str) -> None:
    redis = connect(url, timeout_ms=200)
    with pytest.raises(StorageUnavailable):
        await SupportStore(redis, "thaw", 60).load([ANN])
    await redis.close()


async def test_an_error_reply_is_told(client: Redis) -> None:
    name = keys.window("thaw", ANN)
    await client.run([("RPUSH", name, "not a window")])
    store = SupportStore(client, "thaw", 60)
    with pytest.raises(StorageUnavailable):
        await store.merge([FIRST])
    with pytest.raises(StorageUnavailable):
        await store.install(ANN, PlacedWindow(ONE, at(1)), "c1a1")
