"""After an erasure and `thaw db scrub`, nothing on the disk names the person."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.generated import save_generated
from tests.integration.served import THAW, Served

MEMBER, GUEST, TOWN = "Wilhelmina-Ø-1893", "guest-Ø-7741", "Skjálftavatn"
ITEM = "i003"


async def test_nothing_on_the_disk_names_an_erased_person(
    replica: Callable[[str], Served], weights_directory: Path, tmp_path: Path
) -> None:
    version = save_generated(weights_directory).version
    service = replica("embedded")
    await service.start()
    async with service.client("server") as client:
        await client.put(f"/v1/users/{MEMBER}", json={"properties": {"town": TOWN}})
        for n in range(30):
            events = [
                {"type": "like", "item_id": ITEM, who: name, "event_id": f"{name}-{n}"}
                for who, name in (("user_id", MEMBER), ("anonymous_id", GUEST))
            ]
            assert (await client.post("/v1/events", json={"events": events})).is_success
        await explore(service, version)
        await client.post(f"/v1/users/{MEMBER}/merge", json={"from": GUEST})
        found = await client.post("/v1/recommendations", json={"user_id": MEMBER})
        assert found.json()["personalization"]["mode"] == "adapted"
        assert (await client.delete(f"/v1/users/{MEMBER}")).json()["events"] == 61
        await asyncio.sleep(1.0)  # the notes that Redis followed go a moment later
    assert await asyncio.to_thread(scrub, service) == 0
    await asyncio.to_thread(service.stop)
    assert await asyncio.to_thread(files_naming, tmp_path, MEMBER, GUEST, TOWN) == []


async def explore(service: Served, version: str) -> None:
    """The guest gets a list by chance, which is kept for estimates."""
    question = {"anonymous_id": GUEST, "k": 1, "exploration": 0.5}
    path = f"/v1/admin/weights/{version}/estimate"
    async with service.client("server") as client, service.client("admin") as admin:
        found = (await client.post("/v1/recommendations", json=question)).json()
        [item] = found["items"]
        seen = {"type": "impression", "anonymous_id": GUEST, "item_id": item["item_id"]}
        told = {"events": [{**seen, "request_id": found["request_id"]}]}
        assert (await client.post("/v1/events", json=told)).is_success
        async with asyncio.timeout(60):
            while (await admin.get(path)).json()["lists"] != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


def scrub(service: Served) -> int:
    return subprocess.run(
        [THAW, "db", "scrub"], env={**os.environ, **service.environment}, check=False
    ).returncode


def files_naming(folder: Path, *names: str) -> list[Path]:
    contents = ((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    return [path for path, content in contents for name in names if name.encode() in content]
