"""Whether changing the meta-weights leaves memory behind: hundreds of reloads in one process.

    ./run bench reloads [--reloads 500] [--items 5000]

The running service changes back and forth between two versions, each time with every check and with
the lists of people in the log compared, and answers some lists in between. Told is the resident
memory after the first 50 reloads and after the last, each as the median of ten; the bar is 5%.
Figures go into benchmarks/results/reloads.json.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx

from benchmarks.breakable import ground
from benchmarks.machine import RESULTS, machine
from benchmarks.soak import resident
from tests.generated import generated_ids, save_generated
from tests.integration.served import like, recommended

SETTLED = 50
"""Reloads after which caches and arenas are as large as they become."""
TOGETHER = 10
PEOPLE = 20


async def measure(reloads: int, items: int) -> tuple[list[float], float]:
    """MiB resident after each reload, and seconds that one took, all in all."""
    async with ground() as below:
        versions = [save_generated(below.weights, items=items, seed=n).version for n in (1, 2)]
        async with (
            below.serving(["reloads"], below.valkey.url) as [service],
            service.client("server") as shop,
            service.client("admin") as admin,
        ):
            for n in range(PEOPLE):
                await like(shop, f"visitor-{n}", generated_ids(items)[n], event_id=str(n))
            sizes = []
            started = perf_counter()
            for n in range(reloads):
                await _reload(admin, versions[n % 2])
                await recommended(shop, f"visitor-{n % PEOPLE}")
                sizes.append(resident(service))
            return sizes, (perf_counter() - started) / reloads


async def _reload(admin: httpx.AsyncClient, version: str) -> None:
    answer = await admin.post("/v1/admin/weights/reload", json={"version": version})
    answer.raise_for_status()


def growth(sizes: Sequence[float]) -> tuple[float, float]:
    """MiB after the first reloads, and at the end."""
    settled = min(SETTLED, len(sizes) // 2)
    return median(sizes[settled : settled + TOGETHER]), median(sizes[-TOGETHER:])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="reloads", description=__doc__.splitlines()[0])
    parser.add_argument("--reloads", type=int, default=500)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    sizes, seconds = asyncio.run(measure(asked.reloads, asked.items))
    first, last = growth(sizes)
    found = {
        "machine": machine(),
        "reloads": asked.reloads,
        "items": asked.items,
        "seconds_each": round(seconds, 3),
        "resident_mib": {"after_50": first, "at_the_end": last},
        "growth": round(last / first - 1, 4),
        "every_tenth": sizes[::10],
    }
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "reloads.json").write_text(json.dumps(found, indent=1))
    print(f"| reloads | resident MiB after {SETTLED} | at the end | growth | s each |")
    print("|--:|--:|--:|--:|--:|")
    sizes_told = f"{first:,.1f} | {last:,.1f} | {last / first - 1:+.1%}"
    print(f"| {asked.reloads} | {sizes_told} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
