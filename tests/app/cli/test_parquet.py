"""A table written in parts is the table."""

from pathlib import Path

import polars as pl
import pytest

from app.cli import parquet
from app.cli.parquet import ParquetTable

SCHEMA = {"id": pl.String(), "tags": pl.List(pl.String), "time": pl.Datetime("ms", "UTC")}


@pytest.mark.parametrize("rows", [1, 3, 4, 10])
def test_parts_join_in_order_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(parquet, "PART", 3)
    table = ParquetTable(tmp_path, "things", SCHEMA)
    for n in range(rows):
        table.add((f"i{n}", ["a"] * (n % 2) or None, 1_700_000_000_000 + n))
    assert table.finish() == rows
    assert [path.name for path in tmp_path.iterdir()] == ["things.parquet"]
    found = pl.read_parquet(tmp_path / "things.parquet")
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == [f"i{n}" for n in range(rows)]
    assert found["time"].dt.timestamp("ms").to_list()[-1] == 1_700_000_000_000 + rows - 1


def test_an_empty_table_makes_no_file(tmp_path: Path) -> None:
    assert ParquetTable(tmp_path, "things", SCHEMA).finish() == 0
    assert list(tmp_path.iterdir()) == []
