"""Commands run as users run them, in a working directory of their own; a generated shop."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from app.cli import main

USERS, ITEMS, BASKET = 80, 40, 12


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def thaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs a `thaw` command; all state lies under tmp_path/var."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THAW_CACHE", str(tmp_path / "cache"))

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, said.out, said.err)

    return run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Interactions of two tastes with ratings and times, and items with properties of all kinds."""
    return generated_shop(tmp_path / "shop")


def generated_shop(directory: Path) -> Path:
    random = Random(7)
    rows = []
    for user in range(USERS):
        taste = range(user % 2, ITEMS, 2)
        for place, item in enumerate(random.sample(taste, BASKET)):
            rows.append((f"u{user}", f"i{item}", 1_700_000_000 + place, random.randint(1, 5)))
    columns = ["user_id", "item_id", "timestamp", "rating"]
    directory.mkdir()
    pl.DataFrame(rows, columns, orient="row").write_csv(directory / "interactions.csv")
    pl.DataFrame(
        {
            "item_id": [f"i{item}" for item in range(ITEMS)],
            "title": [f"Item {item}" for item in range(ITEMS)],
            "price": [None if item == 3 else item / 4 for item in range(ITEMS)],
            "tags": [["even"] if item % 2 == 0 else [] for item in range(ITEMS)],
            "since": [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(item) for item in range(ITEMS)],
        }
    ).write_parquet(directory / "items.parquet")
    pl.DataFrame({"user_id": ["u0", "u1"], "city": ["Bern", None]}).write_csv(
        directory / "users.csv"
    )
    return directory
