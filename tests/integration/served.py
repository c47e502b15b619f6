"""The service as its users meet it: a process of its own, reached over HTTP, that can be killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

THAW = Path(sys.executable).with_name("thaw")
START_SECONDS = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Served:
    """`thaw serve` with these settings; `keys` are API keys by scope."""

    environment: dict[str, str]
    keys: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    workers: int = 1
    process: "subprocess.Popen[bytes] | None" = None

    async def start(self, until: str = "/readyz") -> None:
        """Returns once the probe at `until` says yes."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - a moment; the service is its own
                [THAW, "serve", "--port", str(self.port), "--workers", str(self.workers)],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_SECONDS), self.client("server") as client:
            while True:
                assert self.process.poll() is None, self.log.read_text()[-4_000:]
                try:
                    if (await client.get(until)).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """The hard way: no handler runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def client(self, scope: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.keys[scope]}"},
            timeout=30,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what another process or task will bring about."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def like(client: httpx.AsyncClient, user: str, item: str, event_id: str) -> dict[str, Any]:
    """Record a like; the answer's body. Fails the test if it was not taken."""
    event = {"event_id": event_id, "type": "like", "user_id": user, "item_id": item}
    answer = await client.post("/v1/events", json={"events": [event]})
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    body: dict[str, Any] = answer.json()
    assert body["rejected"] == []
    return body


async def recommended(client: httpx.AsyncClient, user: str, k: int = 10) -> dict[str, Any]:
    answer = await client.post("/v1/recommendations", json={"user_id": user, "k": k})
    assert answer.status_code == httpx.codes.OK, answer.text
    body: dict[str, Any] = answer.json()
    return body


def support(answer: dict[str, Any]) -> int:
    count: int = answer["personalization"]["support"]
    return count


def item_ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]
