"""The whole service over HTTP, beside what its users would write instead.

    ./run bench serving [--quick] [--seconds S] [--rounds N]

Lists over 10,000 items for people with ten events, who must be adapted to or whose fast weights are
cached, against a bare FastAPI route that GETs an answer of the same bytes from Redis; events, ten a
body, against a route with one SQLAlchemy transaction for each request. Valkey and PostgreSQL (fsync
on) are real, and everything runs on this one machine, the load generator too. Throughput is that
under more load than can be carried; ours and the rival's turns alternate, and medians of rounds are
compared. Latencies are those of an open load; see benchmarks/load.py. The meta-weights are
untrained, in the shape of trained ones.

Results go into benchmarks/results/serving.json and a figure into docs/images.
"""

import argparse
import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import time

from rich.console import Console
from rich.table import Table

from app.domain import Entity
from benchmarks.load import UNBOUNDED, Load, Measured, offer, request
from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.service_page import Row, table_of, write_section
from benchmarks.serving_figure import draw
from benchmarks.stage import Stage, forget_fast_weights, remember, staged, visitors

ITEMS = 10_000
WRITERS = 32
"""Connections that send events."""
EVENTS = 10
FEW = 200
"""People whose fast weights the warm-up caches."""
ADAPTED, CACHED = '"mode":"adapted"', '"cached":true'
SHARES = (0.25, 0.5, 0.75, 0.9)
"""Of our capacity, at which latencies are taken."""


@dataclass(frozen=True, slots=True)
class Point:
    """Latencies of one server under one open load."""

    server: str
    load: Measured


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float
    warm_up: float
    rounds: int
    people: int


async def measure(plan: Plan) -> tuple[list[Row], list[Point]]:
    async with staged(ITEMS) as stage:
        people = visitors(stage, plan.people)
        await remember(stage, people)
        async with stage.ours() as ours, stage.rival("bare_route") as bare:
            rows, points = await _measure_lists(stage, plan, list(people), ours, bare)
        async with stage.ours() as ours, stage.rival("plain_events") as plain:
            rows.append(await _measure_events(stage, plan, ours, plain))
    return rows, points


async def _measure_lists(
    stage: Stage, plan: Plan, people: Sequence[Entity], ours: int, bare: int
) -> tuple[list[Row], list[Point]]:
    asked = [_question(stage, person) for person in people]
    bare_asked = [request("GET", f"/recommendations/{person.id}") for person in people]
    await _store_answers(stage, ours, people)
    rates: dict[str, list[float]] = {"adapting": [], "cached": [], "bare": []}
    for _ in range(plan.rounds):
        await forget_fast_weights(stage, people)
        rates["adapting"].append((await _carried(plan, ours, asked, ADAPTED)).rate)
        rates["bare"].append((await _carried(plan, bare, bare_asked)).rate)
        rates["cached"].append((await _carried(plan, ours, asked[:FEW], CACHED)).rate)
    rate = {name: median(found) for name, found in rates.items()}
    points = []
    for share in SHARES:
        await forget_fast_weights(stage, people)
        at = share * rate["adapting"]
        for name, port, sent, told in (
            ("adapting", ours, asked, ADAPTED),
            ("bare", bare, bare_asked, ""),
        ):
            load = Load(port, sent, at, 64, plan.seconds, plan.warm_up, told)
            points.append(Point(name, await _offered(load)))
    return [
        Row.of("lists that must adapt", rate["adapting"], rate["bare"], 0.5, "higher", "1/s"),
        Row.of("lists, fast weights cached", rate["cached"], rate["bare"], 0.65, "higher", "1/s"),
        Row.of("p99 at half capacity", *_p99_at(points, SHARES.index(0.5)), 4, "lower", "ms"),
    ], points


def _p99_at(points: Sequence[Point], place: int) -> tuple[float, float]:
    ours, bare = ([p.load.p99 for p in points if p.server == name] for name in ("adapting", "bare"))
    return ours[place], bare[place]


async def _measure_events(stage: Stage, plan: Plan, ours: int, plain: int) -> Row:
    numbers = count()

    def bodies() -> list[bytes]:
        most = int(2_000 * (plan.seconds + plan.warm_up))
        return [_events(stage, next(numbers)) for _ in range(most)]

    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(plan.rounds):
        told = bodies()
        for port, path, key, found in (
            (ours, "/v1/events", stage.key, rates[0]),
            (plain, "/events", "", rates[1]),
        ):
            sent = [request("POST", path, body, key) for body in told]
            found.append((await _carried(plan, port, sent, connections=WRITERS)).rate)
    return Row.of("events, ten a body", median(rates[0]), median(rates[1]), 2, "higher", "bodies/s")


def _question(stage: Stage, person: Entity) -> bytes:
    body = json.dumps({"user_id": person.id, "k": 10}).encode()
    return request("POST", "/v1/recommendations", body, stage.key)


def _events(stage: Stage, number: int) -> bytes:
    """What one user did in a session."""
    now = int(time() * 1000)
    events = [
        {
            "event_id": f"event-{number}-{place}",
            "type": "click",
            "user_id": f"writer-{number % 5_000}",
            "item_id": stage.item_ids[(number * 7 + place * 13) % len(stage.item_ids)],
            "timestamp": now - 1000 * place,
        }
        for place in range(EVENTS)
    ]
    return json.dumps({"events": events}).encode()


async def _store_answers(stage: Stage, port: int, people: Sequence[Entity]) -> None:
    """Puts an answer of ours under everybody's key, after a look at it."""
    answer = await asyncio.to_thread(_ask, port, _question(stage, people[0]))
    assert json.loads(answer)["personalization"]["mode"] == "adapted", answer
    await stage.redis.run([("SET", f"recommendations:{one.id}", answer) for one in people])


def _ask(port: int, content: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(content)
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            received += connection.recv(65536)
    return received.partition(b"\r\n\r\n")[2]


async def _carried(
    plan: Plan, port: int, requests: Sequence[bytes], told: str = "", connections: int = 64
) -> Measured:
    return await _offered(
        Load(port, requests, UNBOUNDED, connections, plan.seconds, plan.warm_up, told)
    )


async def _offered(load: Load) -> Measured:
    """Raises where more answers than a few are not what they should be."""
    measured = await asyncio.to_thread(offer, load)
    if measured.failures > 0.01 * measured.answers:
        raise RuntimeError(f"{measured.failures} of {measured.answers} answers lack {load.told!r}")
    return measured


def latencies(points: Sequence[Point]) -> Table:
    table = Table(title="Latency under open load, ms")
    for name in ("server", "offered 1/s", "p50", "p90", "p99"):
        table.add_column(name, justify="left" if name == "server" else "right")
    for point in points:
        load = point.load
        spent = (f"{value:.2f}" for value in (load.p50, load.p90, load.p99))
        table.add_row(point.server, f"{load.rate:,.0f}", *spent)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="serving", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="within two minutes")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    plan = Plan(asked.seconds, 2.0, asked.rounds, people=int(3_000 * (asked.seconds + 2)))
    if asked.quick:
        plan = Plan(seconds=2.0, warm_up=1.0, rounds=2, people=9_000)
    rows, points = asyncio.run(measure(plan))
    asked.results.mkdir(parents=True, exist_ok=True)
    found: Mapping[str, object] = {
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
        "latencies": [{"server": point.server, **asdict(point.load)} for point in points],
    }
    (asked.results / "serving.json").write_text(json.dumps(found, indent=1))
    draw(points, asked.docs / "images" / "serving.svg")
    write_section(asked.docs / "performance.md", "serving", rows)
    console = Console(width=110)
    console.print(table_of(rows, "Serving, 10,000 items, on one machine with its load"))
    console.print(latencies(points))


if __name__ == "__main__":
    main()
