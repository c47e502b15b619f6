import json

import pytest

from app.runtime import now_ms
from app.services import export_events
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_user_gets_back_what_was_recorded(
    service: Service, someone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_events, "PAGE", 2)  # so that five events take three pages
    told = [
        {"event_id": f"e{n}", "type": "rating", "item_id": f"i00{n}", "value": float(n)}
        for n in range(1, 6)
    ]
    told[0] |= {"context": {"page": "home"}, "position": 3, "timestamp": now_ms() - 86_400_000}
    await service.events(*({**event, "user_id": someone} for event in told))
    await service.events({"type": "like", "user_id": f"{someone}x", "item_id": "i009"})
    response = await service.send("GET", f"/v1/users/{someone}/events")
    assert response.headers["content-type"].startswith("application/jsonl")
    found = [json.loads(line) for line in response.text.splitlines()]
    assert [event["event_id"] for event in found] == [event["event_id"] for event in told]
    assert found[0].items() >= told[0].items()
    assert {"weight", "timestamp"} <= found[1].keys()
    assert "context" not in found[1]


async def test_of_an_unknown_user_there_is_nothing(service: Service, someone: str) -> None:
    response = await service.send("GET", f"/v1/users/{someone}/events")
    assert (response.status_code, response.text) == (200, "")
