from pathlib import Path

import pytest

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


async def test_metrics_and_docs_open_only_where_the_settings_say_so(
    service: Service, tmp_path: Path
) -> None:
    for path in ("/metrics", "/docs", "/v1/openapi.json"):
        assert (await service.client.get(path)).status_code == 401
    server = ServerSettings(open_metrics=True, open_docs=True)
    async with serve(make_settings(tmp_path, server=server)) as opened:
        for path in ("/metrics", "/docs", "/v1/openapi.json"):
            assert (await opened.client.get(path)).status_code == 200
