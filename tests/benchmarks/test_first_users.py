"""The benchmark of first users end to end on generated data."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from benchmarks import first_users
from tests.models.generated_data import generated_dataset


def test_what_first_users_change_is_kept_and_shown(tmp_path: Path) -> None:
    generated_dataset(tmp_path / "shop", users=200, items=300)
    printed = StringIO()
    with redirect_stdout(printed):
        first_users.main(
            [
                *(str(tmp_path / "shop"), "--budget", "0.1", "--cache", str(tmp_path / "cache")),
                *("--results", str(tmp_path / "results")),
            ]
        )
    rows = json.loads((tmp_path / "results" / "first_users.json").read_text())["rows"]
    assert [row["users"] for row in rows] == list(first_users.USERS)
    nobody, *_, many = rows
    assert nobody["without"] == nobody["recall"]
    assert nobody["old"] == nobody["whole"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert many["recall"] > many["without"]
    assert many["gained"]["low"] <= many["gained"]["mean"] <= many["gained"]["high"]
    assert "whole list" in printed.getvalue()
