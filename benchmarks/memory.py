"""What Redis keeps of somebody with few events, by way of the running service.

    ./run bench memory [--quick]

People do ten things each, all told to POST /v1/events, and ask for a list, so that Redis holds
their windows and their fast weights. What Valkey has allocated since, divided by the people, is
what one more of them costs, hash table and expiry times included. The bar is 1.5 KiB. The
meta-weights are untrained, in the shape of trained ones (64 dimensions).

Results go into benchmarks/results/memory.json and a figure into docs/images.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from matplotlib.figure import Figure
from rich.console import Console

from app.domain import Entity, Namespace
from benchmarks.machine import DOCS, RESULTS, machine
from benchmarks.service_page import Row, table_of, write_section
from benchmarks.stage import NAMESPACE, Stage, staged
from models.figures import MUTED, OURS_COLOUR, save, styled

ITEMS = 10_000
EVENTS = 10
BAR = 1536
TYPES = ("view", "click", "like", "cart", "purchase")
AT_ONCE = 50
PATIENT = {"THAW_ENGINE__DEADLINE_MS": "30000"}
"""Nobody is in a hurry here, and nobody must be answered from less than is known."""


@dataclass(frozen=True, slots=True)
class Found:
    """Bytes of one person."""

    window: float
    """The value and the key of the window."""
    fast: float
    """The value and the key of the fast weights."""
    all: float
    """What the server has allocated for one person more."""


async def measure(people: int) -> Found:
    async with staged(ITEMS) as stage, stage.ours(settings=PATIENT) as port:
        headers = {"Authorization": f"Bearer {stage.key}"}
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client:
            await _live(client, stage, range(AT_ONCE))  # what is allocated once and for all
            before = await _used(stage)
            await _live(client, stage, range(AT_ONCE, AT_ONCE + people))
            used = (await _used(stage) - before) / people
        windows, fast = [], []
        for number in range(AT_ONCE, AT_ONCE + people):
            one = Entity(Namespace.USER, f"person-{number}")
            windows.append(await _usage(stage, f"{NAMESPACE}:known:{{{one.digest}}}"))
            fast.append(await _usage(stage, f"{NAMESPACE}:fast:{{{one.digest}}}"))
    return Found(sum(windows) / people, sum(fast) / people, used)


async def _live(client: httpx.AsyncClient, stage: Stage, people: range) -> None:
    """Each does ten things and asks for a list."""
    for start in range(people.start, people.stop, AT_ONCE):
        some = range(start, min(start + AT_ONCE, people.stop))
        told = [event for number in some for event in _events(stage, number)]
        answer = await client.post("/v1/events", json={"events": told})
        assert answer.json()["accepted"] == len(told), answer.text
        asked = (
            client.post("/v1/recommendations", json={"user_id": f"person-{number}"})
            for number in some
        )
        for listed in await asyncio.gather(*asked):
            assert listed.json()["personalization"]["support"] == EVENTS, listed.text


def _events(stage: Stage, number: int) -> list[dict[str, object]]:
    items = stage.item_ids
    return [
        {
            "event_id": f"{number}-{place}",
            "type": TYPES[(number + place) % len(TYPES)],
            "user_id": f"person-{number}",
            "item_id": items[(number * 37 + place * 131) % len(items)],
        }
        for place in range(EVENTS)
    ]


async def _used(stage: Stage) -> int:
    await asyncio.sleep(0.5)  # fast weights are kept a moment after the answer
    [told] = await stage.redis.run([("INFO", "memory")])
    assert isinstance(told, bytes)
    fields = dict(line.split(b":", 1) for line in told.splitlines() if b":" in line)
    return int(fields[b"used_memory"])


async def _usage(stage: Stage, key: str) -> int:
    [told] = await stage.redis.run([("MEMORY", "USAGE", key)])
    assert isinstance(told, int), f"{key} is not there"
    return told


def draw(found: Found, path: Path) -> None:
    with styled():
        figure = Figure(figsize=(6.4, 1.8), layout="constrained")
        axes = figure.subplots()
        left = 0.0
        parts = {"window": found.window, "fast weights": found.fast}
        parts["tables"] = max(0.0, found.all - sum(parts.values()))
        colours = (OURS_COLOUR, MUTED[0], MUTED[2])
        for (name, size), colour in zip(parts.items(), colours, strict=True):
            axes.barh(0, size, left=left, color=colour, label=f"{name} {size:,.0f}")
            left += size
        axes.axvline(BAR, color="#333333", linestyle=":", label="bar 1,536")
        axes.set_yticks([])
        axes.set_xlabel("bytes in Redis of one person with ten events")
        axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
        save(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="memory", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer people")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, default=DOCS)
    asked = parser.parse_args(arguments)
    found = asyncio.run(measure(2_000 if asked.quick else asked.people))
    rows = [Row.of("a person with ten events", found.all, BAR, 1.0, "lower", "bytes")]
    asked.results.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": [asdict(row) for row in rows], "parts": asdict(found)}
    (asked.results / "memory.json").write_text(json.dumps(content, indent=1))
    draw(found, asked.docs / "images" / "memory.svg")
    write_section(asked.docs / "performance.md", "memory", rows)
    console = Console(width=110)
    console.print(table_of(rows, "Memory: what Redis keeps of one person, against the bar"))
    console.print(f"window {found.window:,.0f} bytes, fast weights {found.fast:,.0f} bytes")


if __name__ == "__main__":
    main()
