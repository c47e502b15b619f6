"""Hardly any data, or broken data: a sound result, or a sentence and exit code 2."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from models.weights import load
from tests.app.cli.conftest import Ended

Thaw = Callable[..., Ended]
Rows = list[tuple[str, str]]
PAIRS: dict[str, Rows] = {
    "nothing": [],
    "one user": [("u", f"i{n}") for n in range(9)],
    "one item": [(f"u{n}", "i") for n in range(9)],
    "a single item each": [(f"u{n}", f"i{n}") for n in range(9)],
    "two users": [(f"u{n % 2}", f"i{n}") for n in range(9)],
    "two items": [(f"u{n % 30}", f"i{n % 2}") for n in range(61)],
    "all alike": [(f"u{n}", f"i{m}") for n in range(40) for m in range(4)],
    "repeats": [("u", "i")] * 5 + [("v", "i"), ("v", "j"), ("u", "j")],
    "some users": [(f"u{n}", f"i{(n * m) % 7}") for n in range(24) for m in range(1, 4)],
}


def folder(tmp_path: Path, rows: Rows) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    pl.DataFrame(
        {"user_id": [row[0] for row in rows], "item_id": [row[1] for row in rows]},
        schema={"user_id": pl.String, "item_id": pl.String},
    ).write_csv(made / "interactions.csv")
    ids = sorted({str(row[1]) for row in rows}) or ["i"]
    pl.DataFrame({"item_id": ids, "kind": [f"k{n % 3}" for n in range(len(ids))]}).write_csv(
        made / "items.csv"
    )
    return made


def is_understood(ended: Ended) -> bool:
    return ended.code == 0 or (ended.code == 2 and "Traceback" not in ended.err)


@pytest.mark.parametrize("rows", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("side", ["user", "item"])
def test_training_and_judging_end_well(thaw: Thaw, tmp_path: Path, rows: Rows, side: str) -> None:
    data = folder(tmp_path, rows)
    begun = thaw("init", "--items", data / "items.csv", "--out", "w0")
    assert begun.code == 0
    plain = thaw("train", "--data", data, "--out", "w", "--side", side, "--budget", "1s")
    assert is_understood(plain), plain.err
    if plain.code == 0:
        judged = thaw(
            "evaluate", "--data", data, "--weights", plain.out.strip(), "--baselines", "none"
        )
        assert is_understood(judged), judged.err
        again = thaw(
            "train", "--data", data, "--out", "w2", "--side", side, "--budget", "1s",
            "--from", plain.out.strip(),
        )  # fmt: skip
        assert again.code == 0, again.err


@pytest.mark.parametrize("place", ["file", "missing/deeper"])
def test_where_results_go_is_tried_before_work_begins(
    thaw: Thaw, tmp_path: Path, shop: Path, place: str
) -> None:
    Path("file").write_text("in the way")
    trained = thaw("train", "--data", shop, "--out", place, "--budget", "1s")
    assert trained.code == (2 if place == "file" else 0)
    assert "step" not in trained.err or trained.code == 0
    if trained.code == 0:
        weights = trained.out.strip()
        refused = thaw(
            "evaluate", "--data", shop, "--weights", weights, "--json", "file/report.json"
        )
        assert refused.code == 2
        made = thaw(
            "evaluate", "--data", shop, "--weights", weights, "--json", "new/report.json",
            "--baselines", "none",
        )  # fmt: skip
        assert made.code == 0
        assert Path("new/report.json").is_file()


def test_more_shots_than_anybody_has_are_told(thaw: Thaw, shop: Path) -> None:
    weights = thaw("train", "--data", shop, "--out", "w", "--budget", "1s").out.strip()
    judged = thaw("evaluate", "--data", shop, "--weights", weights, "--shots", "300,400")
    assert judged.code == 2
    assert "ask for fewer shots" in judged.err


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_told(thaw: Thaw, shop: Path, seed: int) -> None:
    assert thaw("train", "--data", shop, "--out", "w", "--seed", seed).code == 2


def test_weights_of_the_other_side_teach_nothing(thaw: Thaw, shop: Path) -> None:
    options = ("--data", shop, "--out", "w", "--budget", "1s")
    items = thaw("train", *options, "--side", "item").out.strip()
    refused = thaw("train", *options, "--from", items)
    assert refused.code == 2
    assert "for items, not for users" in refused.err


def test_the_ids_of_a_catalogue_are_those_of_training(thaw: Thaw, tmp_path: Path) -> None:
    rows = [(f"u{n}", f"{(n * m) % 7}.0") for n in range(24) for m in range(1, 4)]
    data = tmp_path / "numbers"
    data.mkdir()
    pl.DataFrame(
        {"user_id": [r[0] for r in rows], "item_id": [float(r[1]) for r in rows]}
    ).write_parquet(data / "interactions.parquet")
    pl.DataFrame({"item_id": [float(n) for n in range(7)]}).write_parquet(data / "items.parquet")
    begun = thaw("init", "--items", data, "--out", "w").out.strip()
    trained = thaw("train", "--data", data, "--out", "w", "--budget", "1s").out.strip()
    ids = [load(Path(one).parent, Path(one).name).item_ids for one in (begun, trained)]
    assert ids[0] == ids[1] == tuple("0123456")
