"""The benchmark end to end on generated ratings."""

import json
from pathlib import Path

import pytest

from benchmarks.signals import main
from tests.models.test_dislikes import rated


def test_likes_and_dislikes_are_told_by_shots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "rated"
    data.mkdir()
    rated().write_parquet(data / "interactions.parquet")
    main([str(data), "--budget", "1", "--cache", str(tmp_path), "--results", str(tmp_path)])
    rows = json.loads((tmp_path / "signals.json").read_text())["rows"]
    assert {row["better"] for row in rows} == {"higher", "lower"}
    first = next(
        row for row in rows if row["what"].endswith("5 shots, liked items, dislikes as likes")
    )
    assert first["low"] <= first["difference"] <= first["high"]
    assert first["ratio"] > 1
    assert "A dislike weighs" in capsys.readouterr().out
