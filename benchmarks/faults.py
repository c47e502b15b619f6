"""What is lost, counted twice, left unanswered or stale when a part breaks under load.

People like items and ask for lists at a steady rate (benchmarks.visits) while one part after
another is killed, frozen, slowed, filled or reloaded (benchmarks.breakable). Then every event that
was acknowledged must be in the log once, and every answer that did not say `degraded` must have
known all that was acknowledged before it was asked for. It has recovered when requests are
answered again within a second and without a flag.

Prints a Markdown table, and fails where a promise was broken; figures go into
benchmarks/results/faults.json.
"""

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

from app.stores.database import Database
from app.stores.event_log import EventLog
from benchmarks import breakable
from benchmarks.breakable import NAMESPACE, Blow, Ground, Scene, ground
from benchmarks.machine import RESULTS, machine
from benchmarks.visits import Visits
from tests.generated import generated_ids
from tests.integration.served import Served

COLUMNS = ("what breaks", "lost", "twice", "answered", "in flight", "flagged", "stale", "recovery")


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    inflict: Callable[[Scene], Awaitable[Blow]]


@dataclass(frozen=True, slots=True)
class Setting:
    """Services of one kind, and what is tried on them."""

    replicas: int
    faults: Sequence[Fault]
    bad_line: bool = False
    sqlite: bool = False


SETTINGS = (
    Setting(
        2,
        (
            Fault("API, 1 of 2, killed", breakable.kill_api),
            Fault("weights reloaded, 2 replicas", breakable.reload_often),
        ),
    ),
    Setting(
        1,
        (
            Fault("Valkey killed, back empty", breakable.kill_valkey),
            Fault("Valkey frozen", breakable.freeze_valkey),
            Fault("PostgreSQL killed", breakable.kill_postgres),
            Fault("PostgreSQL frozen", breakable.freeze_postgres),
        ),
    ),
    Setting(
        1,
        (
            Fault("Valkey 200 ms away", breakable.slow_down),
            Fault("Valkey's connections reset", breakable.reset_lines),
        ),
        bad_line=True,
    ),
    Setting(1, (Fault("disk full, SQLite", breakable.fill_disk),), sqlite=True),
)


@dataclass(frozen=True, slots=True)
class Plan:
    rate: float
    """Requests a second."""
    lasting: float
    """Seconds of a fault that is not over at once."""
    calm: float
    """Seconds before, and without trouble after."""
    longest: float = 60.0
    """Seconds after which nobody waits for calm any more."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did; `recovery` in seconds."""

    fault: str
    events: int
    repeats: int
    lost: int
    twice: int
    asked: int
    answered: int
    in_flight: int
    """Questions without an answer that were under way when a process was killed."""
    flagged: int
    stale: int
    recovery: float

    @property
    def holds(self) -> bool:
        """Whether the promises were kept; how soon it recovered is not one of them."""
        broken = self.lost or self.twice or self.stale
        return not broken and self.answered + self.in_flight == self.asked

    @property
    def cells(self) -> tuple[str, ...]:
        told = (f"{self.lost} of {self.events:,}", str(self.twice))
        answered = f"{self.answered:,} of {self.asked:,}"
        rest = (str(self.in_flight), str(self.flagged), str(self.stale))
        return (self.fault, *told, answered, *rest, f"{self.recovery:.1f} s")


async def measure(settings: Sequence[Setting], plan: Plan) -> list[Row]:
    rows: list[Row] = []
    for sqlite in (False, True):
        some = [one for one in settings if one.sqlite == sqlite and one.faults]
        if not some:
            continue
        async with ground(sqlite=sqlite) as below:
            for setting in some:
                url = below.line.url if setting.bad_line else below.valkey.url
                names = [f"{settings.index(setting)}-{n}" for n in range(setting.replicas)]
                async with below.serving(names, url) as services:
                    rows += [await _suffer(below, services, one, plan) for one in setting.faults]
    return rows


async def _suffer(below: Ground, services: list[Served], fault: Fault, plan: Plan) -> Row:
    ports, key = [one.port for one in services], below.keys["server"]
    visits = Visits(ports, key, generated_ids(), fault.name, plan.rate)
    async with asyncio.timeout(4 * plan.longest):
        coming = asyncio.create_task(visits.come())
        await asyncio.sleep(plan.calm)
        blow = await fault.inflict(Scene(below, services, visits, plan.lasting))
        while not _is_calm(visits, plan.calm) and monotonic() < blow.lifted + plan.longest:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # calm is the absence of events
        visits.leave()
        await coming
        for who in visits.ledger.known:
            await visits.ask(who)
    await visits.close()
    return judge(fault.name, visits, blow, await _logged(below.database_url, fault.name))


def _is_calm(visits: Visits, seconds: float) -> bool:
    since = monotonic() - seconds
    return visits.began < since and all(sent < since for sent in visits.ledger.troubles)


async def _logged(url: str, name: str) -> Counter[str]:
    """How often the log has each event of this load."""
    found: Counter[str] = Counter()
    database, after = await Database.open(url, NAMESPACE), None
    log = EventLog(database)
    while True:
        page = await log.scan(after, 5_000)
        found.update(one.event_id for one in page.events if one.event_id.startswith(f"{name}-"))
        after = page.after
        if after is None:
            await database.close()
            return found


def judge(name: str, visits: Visits, blow: Blow, logged: Counter[str]) -> Row:
    """Holds what was told against what is in the log."""
    ledger = visits.ledger
    twice = {one for counts in (logged, ledger.counted) for one, n in counts.items() if n > 1}
    in_flight = sum(sent <= blow.came and ended >= blow.began for sent, ended in ledger.unanswered)
    return Row(
        fault=name,
        events=len(ledger.acknowledged),
        repeats=ledger.repeats,
        lost=len(ledger.acknowledged - set(logged)),
        twice=len(twice),
        asked=ledger.asked,
        answered=ledger.answered,
        in_flight=in_flight,
        flagged=ledger.flagged,
        stale=ledger.lacking,
        recovery=round(max(0.0, *ledger.troubles, blow.lifted) - blow.lifted, 2),
    )


def table(rows: Sequence[Row]) -> str:
    lines = [COLUMNS, ("---", *["--:"] * (len(COLUMNS) - 1)), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="within two minutes")
    parser.add_argument("--only", default="", help="faults whose name has this in it")
    parser.add_argument("--rate", type=float, default=60.0, help="requests a second")
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    plan = Plan(asked.rate, 2.0, 1.0) if asked.quick else Plan(asked.rate, 10.0, 3.0)
    settings = [_only(setting, asked.only) for setting in SETTINGS]
    rows = asyncio.run(measure(settings, plan))
    asked.results.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine(), "plan": asdict(plan), "rows": [asdict(row) for row in rows]}
    (asked.results / "faults.json").write_text(json.dumps(found, indent=1))
    print(table(rows))
    if not all(row.holds for row in rows):
        raise SystemExit(1)


def _only(setting: Setting, name: str) -> Setting:
    faults = tuple(fault for fault in setting.faults if name in fault.name)
    return Setting(setting.replicas, faults, setting.bad_line, setting.sqlite)


if __name__ == "__main__":
    main()
