"""What is known of a user counts from the next answer on, whatever happens to Redis meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest_asyncio

from app.domain import Entity, Namespace, User
from app.engine.engine import Engine
from app.services.ingest import EventDraft, ingest
from app.services.parts import Parts
from app.services.put_users import put_users
from app.services.question import Answer, Question
from app.services.recall import recall
from app.services.recommend import recommend
from app.services.sweep import sweep
from app.stores.redis import Redis
from app.stores.redis_line import Line
from tests.app.services.conftest import another_replica
from tests.generated import generated_encoders, save_generated
from tests.integration.lines import Cut, Gate, store

ANN = Entity(Namespace.USER, "ann")
GUEST = Entity(Namespace.ANON, "ann")
ROME, OSLO, CAIRO = ({"town": town} for town in ("Rome", "Oslo", "Cairo"))
NOW = 1_700_000_000_000


@pytest_asyncio.fixture
async def serving(parts: Parts) -> Parts:
    weights = save_generated(parts.policy.weights_directory, encoders=generated_encoders())
    await parts.engine.swap(await parts.engine.prepare(weights, NOW), NOW)
    return parts


@pytest_asyncio.fixture
async def other(serving: Parts) -> AsyncIterator[Parts]:
    """Another replica of the same, with the same Redis."""
    engine = Engine(device="cpu", batch_limit=8, queue_limit=64)
    engine.start()
    weights = save_generated(serving.policy.weights_directory, encoders=generated_encoders())
    await engine.swap(await engine.prepare(weights, NOW), NOW)
    yield another_replica(serving, engine)
    await engine.close()


async def like(parts: Parts, item_id: str, who: Entity = ANN) -> None:
    drafts = [EventDraft("like", who, item_id, event_id=item_id, timestamp=NOW)]
    assert not (await ingest(parts, drafts, NOW)).rejected


async def put(parts: Parts, properties: dict[str, Any]) -> None:
    await put_users(parts, [User("ann", properties)])


async def ask(parts: Parts, who: Entity = ANN) -> Answer:
    answer = await recommend(parts, Question(who), NOW)
    await parts.support.settle()
    assert answer.degraded is None
    return answer


async def known(parts: Parts) -> tuple[int, Any]:
    """What a reader takes for the newest: how many shots, which town."""
    recalled = await recall(parts, ANN, None, within=30)
    assert recalled.degraded is None
    return len(recalled.placed.window.shots), recalled.placed.properties.get("town")


async def test_properties_shape_the_next_answer_of_every_replica(
    serving: Parts, other: Parts
) -> None:
    for shots, item_id in enumerate((None, "i010", "i011")):
        if item_id is not None:
            await like(serving, item_id)
        lists = []
        for one, another, properties in (
            (serving, other, ROME),
            (other, serving, OSLO),
            (other, serving, {"town": "Oslo", "name": "Ann"}),
            (serving, other, {}),
        ):
            await put(one, properties)
            answer = await ask(another)
            assert answer.items == (await ask(one)).items
            personal = answer.personalization
            assert (personal.mode, personal.support) == ("adapted" if shots else "prior", shots)
            assert personal.gate_blend > 0
            lists.append(tuple((item.item_id, item.score) for item in answer.items))
        assert lists[1] == lists[2]
        assert len(set(lists)) == 3


async def test_a_guest_has_no_properties(serving: Parts) -> None:
    before = await ask(serving, GUEST)
    await put(serving, ROME)
    assert (await ask(serving, GUEST)).items == before.items != (await ask(serving)).items


async def test_fast_weights_are_kept_as_long_as_the_profile_is(serving: Parts) -> None:
    await like(serving, "i010")
    await put(serving, ROME)
    asked = [await ask(serving), await ask(serving)]
    await put(serving, {"town": "Rome", "name": "Ann"})
    asked.append(await ask(serving))
    await put(serving, OSLO)
    asked.append(await ask(serving))
    assert [one.personalization.cached for one in asked] == [False, True, True, False]
    await put(serving, ROME)
    assert (await ask(serving)).items == asked[0].items


async def test_a_redis_that_is_emptied_forgets_nothing(serving: Parts, redis: Redis) -> None:
    await put(serving, ROME)
    await like(serving, "i010")
    before = await ask(serving)
    await redis.run([("FLUSHALL",)])
    assert (await ask(serving)).items == before.items
    assert await known(serving) == (1, "Rome")


async def test_without_redis_properties_are_read_from_the_database(
    serving: Parts, other: Parts, valkey_url: str
) -> None:
    """The other replica still reaches Redis, where an older profile lies."""
    cut = Cut(Line(valkey_url, 30))
    severed = replace(serving, support=store(cut))
    await put(severed, ROME)
    assert await known(other) == (0, "Rome")
    cut.before = True
    await put(severed, OSLO)
    assert await known(severed) == await known(other) == (0, "Oslo")
    await cut.close()


async def test_a_crash_before_redis_learns_is_seen_and_healed(serving: Parts) -> None:
    await put(serving, ROME)
    assert await known(serving) == (0, "Rome")
    await serving.catalogue.put_users([User("ann", OSLO)])  # and the process dies here
    await serving.pending.poll()
    assert await known(serving) == (0, "Oslo")
    assert await sweep(serving.log, serving.support, grace_seconds=0) == 1
    assert await known(serving) == (0, "Oslo")


async def test_a_retry_after_a_crash_is_seen_at_once(serving: Parts, other: Parts) -> None:
    await put(serving, ROME)
    await serving.log.close()  # the notes go
    await serving.pending.poll()
    assert await known(other) == (0, "Rome")
    await serving.catalogue.put_users([User("ann", OSLO)])  # and the process dies here
    await put(serving, OSLO)
    assert await known(other) == (0, "Oslo")
    serving.log.start()


async def test_a_slow_rebuild_does_not_bring_back_old_properties(serving: Parts) -> None:
    await put(serving, ROME)
    [slow_reader] = await serving.support.load([ANN])
    slow = await serving.log.window(ANN, serving.policy.seen_types)
    await put(serving, OSLO)
    assert await serving.support.install(ANN, slow, slow_reader.claim) == "outdated"
    assert await known(serving) == (0, "Oslo")


async def test_an_event_in_flight_does_not_bring_back_old_properties(
    serving: Parts, valkey_url: str
) -> None:
    """It has read the window it adds to when the properties change."""
    await put(serving, ROME)
    assert await known(serving) == (0, "Rome")
    gate = Gate(Line(valkey_url, 30))
    gate.hold_after(1)
    slow = asyncio.create_task(like(replace(serving, support=store(gate)), "i010"))
    await gate.reached.wait()
    await put(serving, OSLO)
    gate.opened.set()
    await slow
    assert await known(serving) == (1, "Oslo")
    await gate.close()


async def test_an_event_leaves_the_properties_beside_the_window(serving: Parts) -> None:
    await put(serving, CAIRO)
    assert await known(serving) == (0, "Cairo")
    await like(serving, "i010")
    [remembered] = await serving.support.load([ANN])
    assert remembered.placed is not None
    assert remembered.placed.properties == CAIRO
    assert len(remembered.placed.window.shots) == 1
