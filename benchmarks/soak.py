"""Whether the service goes on as it began: the same mixed load for minutes on end.

People like items and ask for lists in turns, on PostgreSQL and Valkey, at a rate that does not
depend on the answers (benchmarks.load). Told for each minute: answers, those that were no 2xx,
latencies, and the memory that is resident at its end. Figures go into benchmarks/results/soak.json.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.breakable import ground
from benchmarks.load import Load, offer, request
from benchmarks.machine import RESULTS, machine
from tests.generated import generated_ids
from tests.integration.served import Served

WARM_UP = 20.0
"""Seconds before anything counts."""
PARTS = 10
"""At least so many, if there are fewer minutes."""
PEOPLE = 2_000


@dataclass(frozen=True, slots=True)
class Part:
    """A minute, or a shorter part of the whole; milliseconds, and MiB at its end."""

    requests: int
    troubles: int
    """Answers that were no 2xx."""
    p50: float
    p99: float
    resident: float


async def measure(minutes: float, rate: float, warm_up: float) -> list[Part]:
    seconds = min(60.0, minutes * 60 / PARTS)
    async with ground() as below, below.serving(["soak"], below.valkey.url) as [service]:
        parts: list[Part] = []
        for turn in range(round(minutes * 60 / seconds) + 1):
            lasting = seconds if turn else warm_up
            sent = requests(turn, int(1.2 * rate * lasting) + 100, below.keys["server"])
            load = Load(service.port, sent, rate, seconds=lasting, warm_up=0.0)
            found = await asyncio.to_thread(offer, load)
            spent = (round(found.p50, 2), round(found.p99, 2))
            parts.append(Part(found.answers, found.failures, *spent, resident(service)))
    return parts[1:]


def requests(turn: int, count: int, key: str) -> list[bytes]:
    """Likes, each with an id of its own, and questions of the same people."""
    items = generated_ids()
    made = []
    for n in range(count // 2):
        who, item = f"visitor-{n % PEOPLE}", items[(n * 7 + turn * 13) % len(items)]
        event = {"event_id": f"{turn}-{n}", "type": "like", "user_id": who, "item_id": item}
        for path, body in (
            ("/v1/events", {"events": [event]}),
            ("/v1/recommendations", {"user_id": who, "k": 10}),
        ):
            made.append(request("POST", path, json.dumps(body).encode(), key))
    return made


def resident(service: Served) -> float:
    """MiB of the service's process, which has one worker."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return round(int(line.split()[1]) / 1024, 1)


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
