"""Requests at a given rate, from a process of its own, whatever the server makes of them.

The load is open: requests are due at random moments that do not depend on the answers, and one
that finds every connection busy waits from the moment it was due, so that a server that stalls is
charged for all who would have come meanwhile (Schroeder, Wierman & Harchol-Balter 2006, "Open
versus closed"). How late the clock of this process wakes it is no fault of a server and does not
count.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from time import perf_counter
from typing import cast

import numpy as np
import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
UNBOUNDED = float("inf")


@dataclass(frozen=True, slots=True)
class Load:
    port: int
    requests: Sequence[bytes]
    """Whole HTTP requests, sent in this order and over again."""
    rate: float = UNBOUNDED
    """A second; if unbounded, as many as the connections can carry."""
    connections: int = 64
    seconds: float = 5.0
    warm_up: float = 1.0
    """Seconds at the same rate before anything counts."""
    told: str = ""
    """What a good answer holds."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Latencies in milliseconds; `rate` is of answers a second."""

    rate: float
    p50: float
    p90: float
    p99: float
    answers: int
    failures: int
    """Answers with another status than 2xx, or without what a good one holds."""


def offer(load: Load) -> Measured:
    """Runs the load in a new process. Raises `RuntimeError` where a connection breaks."""
    told = {**asdict(load), "requests": [one.decode("latin-1") for one in load.requests]}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(told).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip().splitlines()[-1])
    return Measured(**json.loads(done.stdout))


def main() -> None:
    """A load on standard input, what was measured on standard output."""
    told = json.load(sys.stdin)
    told["requests"] = [one.encode("latin-1") for one in told["requests"]]
    print(json.dumps(asdict(uvloop.run(_Generator(Load(**told)).run()))))


def request(method: str, path: str, body: bytes = b"", key: str = "") -> bytes:
    """The bytes of an HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, generator: "_Generator", told: bytes) -> None:
        self._generator, self._told = generator, told
        self._received = b""
        self._ends_at = 0
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def send(self, content: bytes, due: float) -> None:
        self.due = due
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._ends_at:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            length = LENGTH.search(self._received, 0, head + 2)
            self._ends_at = head + 4 + (int(length[1]) if length else 0)
        if len(self._received) >= self._ends_at:
            good = self._received.startswith(b"HTTP/1.1 2") and self._told in self._received
            self._received, self._ends_at = b"", 0
            self._generator.answered(self, good=good)

    def connection_lost(self, _: Exception | None) -> None:
        self._generator.lost(self)


class _Generator:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._free: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self._left = load.connections
        self._sent = 0
        self._done: list[tuple[float, float]] = []
        self._failures = 0
        self._counts_from = 0.0
        self._closing = False
        self._lost = False

    async def run(self) -> Measured:
        loop, load = asyncio.get_running_loop(), self._load
        for _ in range(load.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self, load.told.encode()), "127.0.0.1", load.port
            )
            self._free.append(connection)
        started = perf_counter()
        counts_from = self._counts_from = started + load.warm_up
        ends = counts_from + load.seconds
        await self._offer(started, ends)
        if self._lost:
            raise ConnectionError("the server closed a connection")
        self._closing = True
        late = [ends - due for due in self._due if due >= counts_from]
        counted = [
            (ended, ended - due)
            for ended, due in self._done
            if ended >= counts_from and (load.rate == UNBOUNDED or due >= counts_from)
        ]
        latencies = np.array([spent for _, spent in counted] + late) * 1000
        p50, p90, p99 = np.percentile(latencies, (50, 90, 99)).tolist()
        rate = len(counted) / load.seconds
        return Measured(rate, p50, p90, p99, len(counted), self._failures)

    async def _offer(self, started: float, ends: float) -> None:
        if self._load.rate == UNBOUNDED:
            while self._free:
                self._send(self._free.popleft(), perf_counter())
            await asyncio.sleep(ends - perf_counter())
            return
        gaps, due = Random(0), started
        while due < ends and not self._lost:
            due += gaps.expovariate(self._load.rate)
            ahead = due - perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            if self._free:
                self._send(self._free.popleft(), perf_counter())
            else:
                self._due.append(due)

    def answered(self, connection: _Connection, *, good: bool) -> None:
        self._done.append((perf_counter(), connection.due))
        self._failures += not good and perf_counter() >= self._counts_from
        if self._load.rate == UNBOUNDED and not self._closing:
            self._send(connection, perf_counter())
        elif self._due:
            self._send(connection, self._due.popleft())
        else:
            self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        """Servers close what has been idle for long; a request on its way must be answered."""
        self._left -= 1
        idle = connection in self._free
        if idle:
            self._free.remove(connection)
        if not self._closing and (not idle or not self._left):
            self._lost = True

    def _send(self, connection: _Connection, due: float) -> None:
        requests = self._load.requests
        if self._lost:
            return
        connection.send(requests[self._sent % len(requests)], due)
        self._sent += 1


if __name__ == "__main__":
    main()
