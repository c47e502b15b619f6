"""Guests that sign in, and people that are erased, through the API."""

import asyncio

import pytest

from app.domain import Entity, Namespace, Scope
from app.stores import keys
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_member_gets_the_list_that_the_guest_earned(service: Service, someone: str) -> None:
    guest, member = f"g-{someone}", f"m-{someone}"
    for item in ("i003", "i007"):
        await service.events({"type": "like", "anonymous_id": guest, "item_id": item})
    earned = await service.recommendations(anonymous_id=guest)
    merged = await service.send("POST", f"/v1/users/{member}/merge", {"from": guest})
    assert merged.json()["moved"] == 2
    as_member = await service.recommendations(
        user_id=member, min_watermark=merged.json()["watermark"]
    )
    assert as_member["items"] == earned["items"]
    assert as_member["degraded"] is None
    left = await service.recommendations(anonymous_id=guest)
    assert left["personalization"]["mode"] == "prior"


async def test_an_event_of_the_guest_that_comes_late_shows_in_the_members_list(
    service: Service, someone: str
) -> None:
    guest, member = f"g-{someone}", f"m-{someone}"
    await service.send("POST", f"/v1/users/{member}/merge", {"from": guest})
    told = await service.events(
        {"type": "like", "anonymous_id": guest, "item_id": "i003"}, scope=Scope.PUBLISHABLE
    )
    assert told["accepted"] == 1
    found = await service.recommendations(user_id=member, min_watermark=told["watermark"])
    assert found["personalization"]["support"] == 1


async def test_a_guest_is_merged_once(service: Service, someone: str) -> None:
    path = "/v1/users/{}/merge"
    await service.send("POST", path.format(f"a-{someone}"), {"from": someone})
    again = await service.send("POST", path.format(f"a-{someone}"), {"from": someone})
    assert (again.status_code, again.json()["moved"]) == (200, 0)
    conflict = await service.send("POST", path.format(f"b-{someone}"), {"from": someone})
    assert conflict.status_code == 409
    assert someone in conflict.json()["detail"]


async def test_an_erased_user_is_a_stranger(service: Service, someone: str) -> None:
    path = f"/v1/users/{someone}"
    stranger = await service.recommendations(user_id=f"x-{someone}", include_seen=True)
    await service.send("PUT", path, {"properties": {"age": 41}})
    event = {"type": "like", "item_id": "i003", "user_id": someone, "event_id": "e"}
    await service.events(event)
    known = await service.recommendations(user_id=someone, include_seen=True)
    assert known["items"] != stranger["items"]
    erased = (await service.send("DELETE", path)).json()
    assert (erased["events"], erased["guests"], erased["had_properties"]) == (1, 0, True)
    assert erased["trained_before"] == [known["personalization"]["weights_version"]]
    after = await service.recommendations(user_id=someone, include_seen=True)
    assert after["items"] == stranger["items"]
    assert (await service.send("GET", path)).status_code == 404
    assert (await service.send("GET", f"{path}/events")).text == ""
    again = (await service.send("DELETE", path)).json()
    assert (again["events"], again["had_properties"]) == (0, False)


async def test_events_from_before_an_erasure_are_refused(service: Service, someone: str) -> None:
    event = {"type": "like", "item_id": "i003", "user_id": someone, "event_id": "e"}
    recorded = await service.events({**event, "timestamp": "2026-11-01T00:00:00Z"})
    assert recorded["accepted"] == 1
    await service.send("DELETE", f"/v1/users/{someone}")
    late = await service.events({**event, "timestamp": "2026-11-01T00:00:00Z"})
    assert late["rejected"] == [
        {"index": 0, "code": "erased", "detail": "the person was erased after this happened"}
    ]
    await asyncio.sleep(0.002)  # so that the next one is later than the erasure
    assert (await service.events({**event, "event_id": "f"}))["accepted"] == 1
    found = await service.recommendations(user_id=someone)
    assert found["personalization"]["support"] == 1


async def test_redis_holds_nothing_of_the_erased(service: Service, someone: str) -> None:
    await service.events({"type": "like", "item_id": "i003", "user_id": someone})
    redis = service.runtime.parts.support._redis
    kept = keys.fast_weights(service.runtime.settings.namespace, Entity(Namespace.USER, someone))
    async with asyncio.timeout(30):
        while await redis.run([("EXISTS", kept)]) == [0]:
            await service.recommendations(user_id=someone)
    await service.send("DELETE", f"/v1/users/{someone}")
    assert await redis.run([("EXISTS", kept)]) == [0]
