from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.domain import Scope
from app.settings import ServerSettings
from tests.app.api.conftest import Service, make_settings, serve

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_probes_need_no_key(service: Service) -> None:
    live = await service.client.get("/livez")
    ready = await service.client.get("/readyz")
    assert (live.status_code, ready.status_code) == (200, 200)
    assert ready.json()["parts"] == {"database": None, "redis": None, "weights": None}


async def test_probes_answer_head(service: Service) -> None:
    response = await service.client.head("/livez")
    assert response.status_code == 200


async def test_without_weights_it_lives_but_is_not_ready(unready: Service) -> None:
    assert (await unready.client.get("/livez")).status_code == 200
    response = await unready.client.get("/readyz")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert "thaw train" in response.json()["detail"]


async def test_metrics_count_what_happened(service: Service, someone: str) -> None:
    before = await samples(service)
    good = {"event_id": "1", "type": "like", "user_id": someone, "item_id": "i001"}
    await service.events(good)
    await service.events(good, {})
    await service.recommendations(user_id=someone)
    await service.client.get(f"/nowhere/{someone}")
    after = await samples(service)

    def growth(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after[key] - before.get(key, 0)

    assert growth("thaw_events_total", outcome="recorded") == 1
    assert growth("thaw_events_total", outcome="duplicate") == 1
    assert growth("thaw_events_total", outcome="rejected") == 1
    assert growth("thaw_recommendations_total", mode="adapted") == 1
    assert growth("thaw_http_requests_total", method="POST", route="/v1/events", status="202") == 2
    assert growth("thaw_http_requests_total", method="GET", route="unmatched", status="404") == 1
    assert growth("thaw_adapt_batch_size_count") == 1
    assert growth("thaw_queue_wait_seconds_count") == 1
    version = service.runtime.parts.engine.pinned().version
    assert after["thaw_active_weights", frozenset({("version", version)})] == 1
    assert not [labels for _, labels in after if someone in str(labels)]


async def samples(service: Service) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = await service.client.get("/metrics", headers=service.by(Scope.ADMIN))
    assert response.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_metrics_and_docs_open_only_where_the_settings_say_so(
    service: Service, tmp_path: Path
) -> None:
    for path in ("/metrics", "/docs", "/v1/openapi.json"):
        assert (await service.client.get(path)).status_code == 401
    server = ServerSettings(open_metrics=True, open_docs=True)
    async with serve(make_settings(tmp_path, server=server)) as opened:
        for path in ("/metrics", "/docs", "/v1/openapi.json"):
            assert (await opened.client.get(path)).status_code == 200
