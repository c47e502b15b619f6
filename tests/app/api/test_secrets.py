"""Neither keys nor tokens are in logs, errors, metrics or the database, whatever happens."""

import logging

import pytest
from sqlalchemy import text

from app.api import recommendations
from app.domain import Scope
from tests.app.api.conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")


TALKATIVE = ("", "sqlalchemy.engine", "aiosqlite", "asyncio", "limits", "redis")


async def test_secrets_stay_out_of_logs_errors_and_metrics(
    service: Service,
    someone: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in TALKATIVE:
        caplog.set_level(logging.DEBUG, logger=name)
    body = {"label": "till", "scope": "publishable"}
    made = (await service.send("POST", "/v1/admin/keys", body, scope=Scope.ADMIN)).json()
    rotate = f"/v1/admin/keys/{made['key_id']}/rotate"
    rotated = (await service.send("POST", rotate, scope=Scope.ADMIN)).json()
    token = (await service.send("POST", f"/v1/users/{someone}/token")).json()["token"]
    late = (await service.runtime.tokens.issue(someone, -1)).text
    signed = [part for one in (token, late) for part in one.split(".")[1:]]
    secrets = [made["key"], rotated["key"], *service.keys.values()]
    secrets = [*(key.split("_")[3] for key in secrets), *signed]
    answers = list[str]()
    for key in (made["key"], rotated["key"], "thaw_server_x_" + made["key"]):
        for proof in (token, late, "nonsense"):
            headers = {"Authorization": f"Bearer {key}", "X-User-Token": proof}
            for asked in ({"user_id": someone}, {"user_id": "another"}, {"k": 0}):
                told = await service.client.post("/v1/recommendations", json=asked, headers=headers)
                answers.append(told.text)
            beacon = await service.client.post(
                "/v1/events", params={"key": key}, content=b"{", headers={"X-User-Token": proof}
            )
            answers.append(beacon.text)
    listed = await service.send("GET", "/v1/admin/keys", scope=Scope.ADMIN)
    metrics = await service.send("GET", "/metrics", scope=Scope.ADMIN)

    async def fail(*_: object) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(recommendations, "recommend", fail)
    failed = await service.client.post(
        "/v1/recommendations", json={}, headers={"X-API-Key": made["key"], "X-User-Token": token}
    )
    assert failed.status_code == 500
    written = caplog.text
    for place in (written, *answers, listed.text, metrics.text, failed.text):
        assert not [secret for secret in secrets if secret in place]
        assert "key=" not in place
    assert "nobody expected this" in written
    assert "request_answered" in written
    assert "SELECT" in written, "SQL statements were logged, and hold no key"


async def test_the_database_has_no_key_in_any_table(service: Service) -> None:
    secrets = [key.split("_")[3] for key in service.keys.values()]
    async with service.runtime.database.read() as connection:
        names = await connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))
        rows = [
            str(row)
            for name in names.scalars().all()
            for row in await connection.execute(text(f'SELECT * FROM "{name}"'))
        ]
    assert any("test" in row for row in rows)
    assert not [row for row in rows if any(secret in row for secret in secrets)]
