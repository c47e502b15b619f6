"""Every metric moves when it should, and tells nobody about anybody."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain import Entity, Namespace, Position, Scope
from app.settings import EngineSettings
from app.stores.append import note_pending
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")

Samples: TypeAlias = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def samples(service: Service) -> Samples:
    response = await service.client.get("/metrics", headers=service.by(Scope.ADMIN))
    assert response.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


class Growth:
    """What has become more since this was made."""

    def __init__(self, before: Samples, after: Samples) -> None:
        self._before, self._after = before, after

    def __call__(self, name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return self._after[key] - self._before.get(key, 0)


async def test_requests_are_counted_by_the_template_of_their_route(
    service: Service, someone: str
) -> None:
    before = await samples(service)
    await service.send("GET", f"/v1/users/{someone}/recommendations")
    await service.recommendations(user_id=someone)
    await service.client.get(f"/nowhere/{someone}")
    after = await samples(service)
    grown = Growth(before, after)
    route = "/v1/users/{user_id}/recommendations"
    assert grown("thaw_http_requests_total", method="GET", route=route, status="200") == 1
    hot = {"method": "POST", "route": "/v1/recommendations"}
    assert grown("thaw_http_requests_total", **hot, status="200") == 1
    assert grown("thaw_http_request_seconds_count", **hot) == 1
    assert grown("thaw_http_requests_total", method="GET", route="unmatched", status="404") == 1
    assert not [labels for _, labels in after if someone in str(labels)]


async def test_events_are_counted_by_what_became_of_them(service: Service, someone: str) -> None:
    before = await samples(service)
    good = {"event_id": "1", "type": "like", "user_id": someone, "item_id": "i001"}
    await service.events(good)
    await service.events(good, {})
    grown = Growth(before, await samples(service))
    for outcome in ("recorded", "duplicate", "rejected"):
        assert grown("thaw_events_total", outcome=outcome) == 1


async def test_adaptations_are_counted_and_timed_once_and_then_come_from_the_cache(
    service: Service, someone: str
) -> None:
    await service.events({"type": "like", "user_id": someone, "item_id": "i001"})
    before = await samples(service)
    first = await service.recommendations(user_id=someone)
    await service.runtime.parts.support.settle()
    between = await samples(service)
    grown = Growth(before, between)
    assert grown("thaw_recommendations_total", mode="adapted", degraded="none") == 1
    assert grown("thaw_fast_weights_total", source="adapted") == 1
    assert grown("thaw_inner_steps_total") == first["personalization"]["steps"] > 0
    for name in ("adapt_seconds", "adapt_people", "rank_seconds", "adapt_batch_size"):
        assert grown(f"thaw_{name}_count") == 1, name
    assert grown("thaw_queue_wait_seconds_count") == 1
    assert grown("thaw_adapt_seconds_sum") > 0
    await service.recommendations(user_id=someone)
    grown = Growth(between, await samples(service))
    assert grown("thaw_fast_weights_total", source="cached") == 1
    assert grown("thaw_fast_weights_total", source="adapted") == 0
    assert grown("thaw_inner_steps_total") == grown("thaw_adapt_seconds_count") == 0
    assert grown("thaw_rank_seconds_count") == 1


async def test_strangers_get_the_prior_also_in_a_batch(service: Service, someone: str) -> None:
    before = await samples(service)
    asked = {"user_ids": [f"{someone}-1", f"{someone}-2"], "k": 3}
    assert (await service.send("POST", "/v1/recommendations/batch", asked)).status_code == 200
    grown = Growth(before, await samples(service))
    assert grown("thaw_recommendations_total", mode="prior", degraded="none") == 2


async def test_late_answers_are_counted_with_their_reason(tmp_path: Path) -> None:
    save_generated(tmp_path / "weights")
    engine = EngineSettings(queue_limit=1)
    async with serve(make_settings(tmp_path, engine=engine)) as service:
        before = await samples(service)
        asked = (service.recommendations() for _ in range(8))
        modes = [answer["personalization"]["mode"] for answer in await asyncio.gather(*asked)]
        grown = Growth(before, await samples(service))
        crowded = {"mode": "popular", "degraded": "overloaded"}
        assert grown("thaw_recommendations_total", **crowded) == modes.count("popular") > 0


async def test_reloads_are_counted_by_their_outcome(service: Service) -> None:
    def active(version: str) -> tuple[str, frozenset[tuple[str, str]]]:
        return "thaw_active_weights", frozenset({("version", version)})

    directory = service.runtime.settings.weights.directory
    old = service.runtime.parts.engine.pinned().version
    new = save_generated(directory, seed=7).manifest.version
    before = await samples(service)
    assert before[active(old)] == 1
    for body in ({"version": new, "dry_run": True}, {"version": new}, {"version": "no-such"}):
        await service.send("POST", "/v1/admin/weights/reload", body, scope=Scope.ADMIN)
    after = await samples(service)
    for outcome in ("tried", "swapped", "refused"):
        assert Growth(before, after)("thaw_reloads_total", outcome=outcome) == 1, outcome
    assert (after[active(old)], after[active(new)]) == (0, 1)


async def test_redis_tells_its_memory(service: Service) -> None:
    assert (await samples(service))["thaw_redis_bytes", frozenset()] > 100_000


async def test_notes_and_failing_jobs_show(tmp_path: Path) -> None:
    async with serve(make_settings(tmp_path)) as service:
        parts = service.runtime.parts
        before = await samples(service)
        assert before["thaw_pending_rows", frozenset()] == 0
        ahead = {Entity(Namespace.USER, "behind"): Position(0, 1)}
        async with service.runtime.database.write() as connection:
            await note_pending(connection, ahead)
        await parts.pending.poll()
        assert (await samples(service))["thaw_pending_rows", frozenset()] == 1
        failed = "thaw_job_failures_total", frozenset({("job", "follow")})
        assert before[failed] >= 1  # there are no meta-weights to follow
