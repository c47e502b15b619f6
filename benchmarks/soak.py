"""Whether the service goes on as it began: the same mixed load for minutes on end.

People like items and ask for lists (benchmarks.visits) on PostgreSQL and Valkey. Told for each
minute: requests, those that went wrong, latencies as the client sees them, and the memory that is
resident at its end. Figures go into benchmarks/results/soak.json.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from benchmarks.breakable import ground
from benchmarks.machine import RESULTS, machine
from benchmarks.visits import Ledger, Visits
from tests.generated import generated_ids
from tests.integration.served import Served

WARM_UP = 20.0
"""Seconds before anything counts."""
PARTS = 10
"""At least so many, if there are fewer minutes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A minute, or a shorter part of the whole; milliseconds, and MiB at its end."""

    requests: int
    troubles: int
    """Requests that failed, or that got a flagged or a stale answer, or none within a second."""
    p50: float
    p99: float
    resident: float


async def measure(minutes: float, rate: float, warm_up: float) -> list[Part]:
    seconds = min(60.0, minutes * 60 / PARTS)
    async with ground() as below, below.serving(["soak"], below.valkey.url) as [service]:
        visits = Visits([service.port], below.keys["server"], generated_ids(), "soak", rate)
        coming = asyncio.create_task(visits.come())
        await asyncio.sleep(warm_up)
        parts: list[Part] = []
        while len(parts) < round(minutes * 60 / seconds):
            began, before = monotonic(), len(visits.ledger.spent)
            await asyncio.sleep(seconds)
            parts.append(summary(visits.ledger, before, began, resident(service)))
        visits.leave()
        await coming
        await visits.close()
    return parts


def summary(ledger: Ledger, before: int, began: float, mebibytes: float) -> Part:
    """Of what came after the first `before` answers, and after `began`."""
    spent = np.array(ledger.spent[before:]) * 1000
    p50, p99 = np.percentile(spent, (50, 99)).round(2).tolist()
    troubles = len({sent for sent in ledger.troubles if sent >= began})
    return Part(len(spent), troubles, p50, p99, round(mebibytes, 1))


def resident(service: Served) -> float:
    """MiB of the service's process, which has one worker."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def table(parts: Sequence[Part]) -> str:
    rows = [
        ("part", "requests", "troubles", "p50 ms", "p99 ms", "resident MiB"),
        ("--:",) * 6,
        *(
            (str(n), f"{one.requests:,}", str(one.troubles), *map(str, (one.p50, one.p99)), told)
            for n, one in enumerate(parts, 1)
            for told in [f"{one.resident:,.1f}"]
        ),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--warm-up", type=float, default=WARM_UP, help="seconds")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    parts = asyncio.run(measure(asked.minutes, asked.rate, asked.warm_up))
    first, last = parts[0], parts[-1]
    found = {
        "machine": machine(),
        "rate": asked.rate,
        "minutes": asked.minutes,
        "troubles": sum(part.troubles for part in parts),
        "memory_growth": round(last.resident / first.resident - 1, 4),
        "p99_ratio": round(last.p99 / first.p99, 3),
        "parts": [asdict(part) for part in parts],
    }
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "soak.json").write_text(json.dumps(found, indent=1))
    print(table(parts))
    print(f"memory {found['memory_growth']:+.1%}, p99 of the last part by the first ", end="")
    print(f"{found['p99_ratio']}, troubles {found['troubles']}")


if __name__ == "__main__":
    main()
