"""What callers send stays data: in SQL, in Lua, in the names of keys in Redis, and in paths."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event

from app.domain import Scope
from tests.app.api.conftest import Service
from tests.app.api.test_document import read as read_document

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARK = "zqx7"
HOSTILE = [
    f"{MARK}'; DROP TABLE events; --",
    f'{MARK}" OR "1"="1',
    f"{MARK}' UNION SELECT secret_sha256 FROM api_keys --",
    f"{MARK}%",
    f"{MARK}_",
    f"{MARK}\\",
    f"{MARK}:name $1 ? %s {{0}}",
    f"{MARK}]] redis.call('FLUSHALL') --[[",
    f"{MARK}}}{{",
    f"{MARK}\r\nFLUSHALL\r\n",
    f"../../{MARK}",
    f"{MARK}*",
]
KEY_NAMES = re.compile(rb"thaw:(known|fast|cursor):\{[0-9a-f]+\}")


@pytest.fixture
def statements(service: Service) -> Iterator[list[str]]:
    """The text of everything that the database is asked meanwhile."""
    engine = service.runtime.database._engine.sync_engine
    asked = list[str]()

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        asked.append(text)

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def key_names(service: Service) -> list[bytes]:
    [found] = await service.runtime.parts.support._redis.run([("KEYS", "*")])
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_kept_as_it_is_and_touches_nobody_else(
    service: Service, text: str, someone: str, statements: list[str]
) -> None:
    await service.events({"type": "like", "item_id": "i001", "user_id": someone})
    path = quote(text, safe="")
    stored = await service.send("PUT", f"/v1/items/{path}", {"properties": {text: text}})
    assert stored.status_code == 200
    assert (await service.send("GET", f"/v1/items/{path}")).json()["properties"] == {text: text}
    await service.send("PUT", f"/v1/users/{path}", {"properties": {text: text}})
    told = {"type": "like", "user_id": text, "item_id": text, "event_id": text}
    assert (await service.events({**told, "context": {text: text}}))["accepted"] == 1
    kept = (await service.send("GET", f"/v1/users/{path}/events")).json()
    assert (kept["item_id"], kept["event_id"], kept["context"]) == (text, text, {text: text})
    found = await service.recommendations(
        user_id=text,
        filter={"not": {"field": text, "eq": text}},
        exclude_item_ids=[text],
        properties=[text],
    )
    assert text not in {item["item_id"] for item in found["items"]}
    assert (await service.send("POST", f"/v1/users/{path}/merge", {"from": text})).is_success
    assert (await service.send("DELETE", f"/v1/users/{path}")).json()["events"] == 1
    assert (await service.send("DELETE", f"/v1/items/{path}")).is_success
    others = (await service.send("GET", f"/v1/users/{someone}/events")).json()
    assert others["item_id"] == "i001"
    assert len(statements) > 10
    assert not [one for one in statements if MARK in one]


async def test_names_of_keys_in_redis_hold_nothing_that_callers_chose(service: Service) -> None:
    for text in HOSTILE:
        await service.events({"type": "like", "item_id": text, "user_id": text})
        await service.recommendations(user_id=text)
    names = await key_names(service)
    assert len(names) >= len(HOSTILE)
    assert [name for name in names if not KEY_NAMES.fullmatch(name)] == []


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_cursor_that_nobody_gave_leads_nowhere(service: Service, text: str) -> None:
    before = sorted(await key_names(service))
    answer = await service.send("POST", "/v1/recommendations", {"cursor": text, "k": 3})
    assert answer.status_code in {200, 404, 422}
    assert sorted(await key_names(service)) == before


@pytest.mark.parametrize("text", HOSTILE)
async def test_admins_send_data_too(service: Service, text: str, statements: list[str]) -> None:
    path = quote(text, safe="")
    made = await service.send(
        "POST", "/v1/admin/keys", {"label": text, "scope": "server"}, scope=Scope.ADMIN
    )
    assert made.json()["label"] == text
    for method, url in (
        ("DELETE", f"/v1/admin/keys/{path}"),
        ("POST", f"/v1/admin/keys/{path}/rotate"),
        ("GET", f"/v1/admin/weights/reload/{path}"),
    ):
        assert (await service.send(method, url, scope=Scope.ADMIN)).status_code in {404, 422}
    hostile = {"X-API-Key": "thaw_server_" + re.sub(r"[^\x20-\x7e]", "", text) + "_x"}
    assert (await service.client.get("/v1/items/i001", headers=hostile)).status_code == 401
    assert not [one for one in statements if MARK in one]


async def test_the_tables_are_all_still_there(service: Service) -> None:
    assert (await service.client.get("/readyz")).json()["parts"]["database"] is None
    assert "/v1/events" in (await read_document(service))["paths"]


@pytest.mark.parametrize(
    "version",
    [
        "..",
        ".",
        "../weights",
        "/etc",
        "a/../b",
        "\\..",
        "x" * 12,
        "0" * 12,
        "0" * 12 + "/..",
        "%2e%2e",
    ],
)
async def test_a_version_of_meta_weights_is_a_name_and_no_path(
    service: Service, version: str
) -> None:
    serving = service.runtime.parts.engine.snapshot
    body = {"version": version}
    answer = await service.send("POST", "/v1/admin/weights/reload", body, scope=Scope.ADMIN)
    assert answer.status_code in {404, 422}, answer.text
    assert service.runtime.parts.engine.snapshot is serving


async def test_a_link_out_of_the_directory_is_not_followed(
    service: Service, tmp_path: Path
) -> None:
    snapshot = service.runtime.parts.engine.snapshot
    assert snapshot is not None
    inside = service.runtime.settings.weights.directory
    link = inside / "0123456789ab"
    (inside / snapshot.version).rename(tmp_path / snapshot.version)
    (inside / snapshot.version).symlink_to(tmp_path / snapshot.version)
    link.symlink_to(tmp_path / snapshot.version)
    try:
        for version in (snapshot.version, link.name):
            body = {"version": version, "dry_run": True}
            refused = await service.send(
                "POST", "/v1/admin/weights/reload", body, scope=Scope.ADMIN
            )
            assert (refused.status_code, "leads out of" in refused.text) == (422, True)
    finally:
        link.unlink()
        (inside / snapshot.version).unlink()
        (tmp_path / snapshot.version).rename(inside / snapshot.version)


@pytest.mark.parametrize(
    "name", ["..%2fsettings.py", "%2e%2e/settings.py", "..", "%2fetc%2fpasswd", "x%00.js"]
)
async def test_pages_come_from_their_folder_only(service: Service, name: str) -> None:
    assert (await service.client.get(f"/assets/{name}")).status_code in {404, 422}
