"""The benches of faults and of long use: they tell a good answer from a stale one, and they run."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.breakable import Blow
from benchmarks.faults import judge, main
from benchmarks.soak import Part, requests, table
from benchmarks.visits import Ledger, Visits


def answer(support: int, items: list[str], degraded: str | None = None) -> Mapping[str, object]:
    return {
        "personalization": {"support": support},
        "items": [{"item_id": item} for item in items],
        "degraded": degraded,
    }


@pytest.mark.parametrize(
    ("told", "lacking", "flagged"),
    [
        (answer(2, ["c"]), 0, 0),
        (answer(3, ["c"]), 0, 0),
        (answer(1, ["c"]), 1, 0),
        (answer(2, ["a", "c"]), 1, 0),
        (answer(0, ["a", "b"], "storage_unavailable"), 0, 1),
    ],
)
def test_an_answer_must_know_what_was_acknowledged_or_be_flagged(
    told: Mapping[str, object], lacking: int, flagged: int
) -> None:
    ledger = Ledger()
    ledger.hold(told, frozenset({"a", "b"}), 7.0)
    assert (ledger.lacking, ledger.flagged, ledger.answered) == (lacking, flagged, 1)
    assert ledger.troubles == [7.0] * (lacking + flagged)


async def test_what_was_told_is_held_against_the_log() -> None:
    visits = Visits([1], "key", ["a", "b"], "load", rate=1.0)
    visits.ledger = Ledger(
        asked=5,
        answered=2,
        unanswered=[(8.0, 9.5), (9.0, 9.95), (11.0, 12.0)],
        troubles=[11.0, 13.5],
        known={"load-0": {"a", "b"}, "load-1": {"a"}},
        counted=Counter({"load-0:a": 1, "load-1:a": 2}),
    )
    row = judge("load", visits, Blow(9.9, 10.0, 12.0), Counter({"load-0:a": 1, "load-1:a": 1}))
    await visits.close()
    assert not row.holds
    assert replace(row, lost=0, twice=0, answered=4).holds
    assert (row.events, row.lost, row.twice, row.in_flight, row.recovery) == (3, 1, 1, 1, 1.5)


def test_a_full_disk_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--only", "disk full", "--rate", "30", "--results", str(tmp_path)])
    [row] = json.loads((tmp_path / "faults.json").read_text())["rows"]
    assert row["events"] > 0 < row["repeats"]
    assert row["answered"] == row["asked"] > row["flagged"]
    assert (row["lost"], row["twice"], row["stale"]) == (0, 0, 0)
    assert "| disk full, SQLite | 0 of " in capsys.readouterr().out


def test_a_soak_sends_every_event_once_and_asks_for_as_many_lists() -> None:
    sent = [*requests(0, 10, "key"), *requests(1, 10, "key")]
    events = [one for one in sent if one.startswith(b"POST /v1/events ")]
    assert len(sent) == 20
    assert len(set(events)) == 10
    told = table([Part(requests=3, troubles=2, p50=2.0, p99=2.98, resident=64.3)])
    assert told.endswith("| 1 | 3 | 2 | 2.0 | 2.98 | 64.3 |")
