"""`thaw init` and `thaw train --from`, as a user runs them."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from app.cli.begin import inherited
from models.encoders import Encoders
from models.weights import load
from tests.app.cli.conftest import ITEMS, Ended

Thaw = Callable[..., Ended]


def test_init_makes_a_version_and_says_what_it_is_made_of(thaw: Thaw, shop: Path) -> None:
    ended = thaw("init", "--items", shop, "--users", shop, "--out", "weights")
    assert ended.code == 0
    version = Path(ended.out.strip())
    assert len(load(version.parent, version.name).item_ids) == ITEMS
    assert f"{ITEMS} items; what is known of them becomes" in ended.err
    assert "price: number" in ended.err
    again = thaw("init", "--items", shop / "items.parquet", "--out", "weights", "--json")
    assert json.loads(again.out)["data"]["interactions"] == 0


def test_init_says_when_there_is_nothing_to_tell_items_apart(thaw: Thaw, tmp_path: Path) -> None:
    pl.DataFrame({"item_id": ["a", "b"]}).write_csv(tmp_path / "items.csv")
    ended = thaw("init", "--items", tmp_path, "--out", "weights")
    assert ended.code == 0
    assert "only their popularity can be learned" in ended.err


def test_init_names_what_is_wrong_with_a_table(thaw: Thaw, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,kind\na,x\na,y\n")
    ended = thaw("init", "--items", tmp_path, "--out", "weights")
    assert ended.code == 2
    assert "'a' is there more than once" in ended.err
    assert thaw("init", "--items", tmp_path / "none", "--out", "weights").code == 2


def test_training_goes_on_from_init_and_remembers_it(thaw: Thaw, shop: Path) -> None:
    first = thaw("init", "--items", shop, "--out", "weights").out.strip()
    ended = thaw("train", "--data", shop, "--out", "weights", "--from", first, "--budget", "1s")
    assert ended.code == 0
    weights = inherited(Path(ended.out.strip()))
    assert weights is not None
    assert weights.manifest.transferred_from == Path(first).name
    moved = thaw("init", "--items", shop, "--out", "weights", "--from", ended.out.strip(), "--json")
    assert json.loads(moved.out)["transferred_from"] == weights.version


def test_a_version_to_start_from_that_is_not_there_is_named(thaw: Thaw, shop: Path) -> None:
    ended = thaw("init", "--items", shop, "--out", "weights", "--from", "weights/0123456789ab")
    assert ended.code == 2
    assert "0123456789ab" in ended.err


def test_an_ignored_column_is_no_feature(thaw: Thaw, shop: Path) -> None:
    given = ("--ignore", "price", "--ignore", "since")
    for made in (
        thaw("init", "--items", shop, "--out", "weights", *given),
        thaw("train", "--data", shop, "--out", "weights", "--budget", "1s", *given),
    ):
        assert made.code == 0, made.err
        weights = inherited(Path(made.out.strip()))
        assert weights is not None
        encoders = Encoders.from_json(weights.manifest.features)
        assert {column.name for column in encoders.items.columns} == {"title", "tags"}


def test_a_column_that_cannot_be_ignored_is_named_with_those_that_can(
    thaw: Thaw, shop: Path
) -> None:
    for column in ("stock", "item_id"):
        ended = thaw("init", "--items", shop, "--out", "weights", "--ignore", column)
        assert ended.code == 2
        said = " ".join(ended.err.replace("│", "").split())
        assert f"no column '{column}' to ignore; there are: price, since, tags, title" in said
