"""The benchmark of reloads, from end to end on a small scale."""

import json
from pathlib import Path

import pytest

from benchmarks.reloads import growth, main


def test_growth_is_told_from_when_all_caches_are_full_to_the_end() -> None:
    filling = [float(n) for n in range(50)]
    assert growth([*filling, *[100.0] * 100, *[104.0] * 10]) == (100.0, 104.0)
    assert growth([1.0, 2.0, 3.0, 4.0]) == (3.5, 2.5)


def test_a_few_reloads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--reloads", "4", "--items", "100", "--results", str(tmp_path)])
    told = json.loads((tmp_path / "reloads.json").read_text())
    assert (told["reloads"], len(told["every_tenth"])) == (4, 1)
    assert told["resident_mib"]["at_the_end"] > 50
    assert "| 4 | " in capsys.readouterr().out
