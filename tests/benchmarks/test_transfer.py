"""The benchmark end to end on generated data; its histories are nested and hold nobody out."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from benchmarks import transfer
from benchmarks.transfer_history import catalogue_of, first_users
from models.data import Dataset, read, split
from tests.models.generated_data import generated_dataset
from tests.models.test_dislikes import rated


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated interactions, and the kind of every item."""
    folder = tmp_path_factory.mktemp("transfer") / "target"
    generated_dataset(folder, users=200)
    rows = "".join(f"i{n:03d},kind {n % 4}\n" for n in range(60))
    (folder / "items.csv").write_text("item_id,kind\n" + rows)
    return folder


@pytest.fixture(scope="module")
def target(folder: Path) -> Dataset:
    return read(folder)


def test_fewer_users_are_part_of_more_and_none_is_held_out(target: Dataset) -> None:
    few, more = (first_users(target, count, seed=0) for count in (10, 50))
    held_out = {target.user_ids[user] for user in split(target, 0).test}
    assert len(few.user_ids) == 10
    assert set(few.user_ids) < set(more.user_ids)
    assert not set(more.user_ids) & held_out
    assert few.item_ids == target.item_ids
    assert few.fingerprint != more.fingerprint != target.fingerprint
    assert more.timestamp is not None
    assert len(more.timestamp) == len(more.user) == len(more.item)


def test_a_history_is_that_of_the_user(target: Dataset) -> None:
    few = first_users(target, 7, seed=0)
    for number, user_id in enumerate(few.user_ids):
        before = target.item[target.user == target.user_ids.index(user_id)]
        assert np.array_equal(few.item[few.user == number], before)


def test_ratings_and_dislikes_go_with_their_rows(tmp_path: Path) -> None:
    rated().write_parquet(tmp_path / "interactions.parquet")
    everybody = read(tmp_path)
    few = first_users(everybody, 30, seed=0)
    assert everybody.disliked is not None
    assert few.disliked is not None
    rows = np.isin(np.array(everybody.user_ids)[everybody.user], few.user_ids)
    assert few.rating is not None
    assert np.array_equal(few.disliked, everybody.disliked[rows])
    assert 0 < few.disliked.sum() == (few.rating == 1).sum()


def test_the_catalogue_has_every_item_once(target: Dataset) -> None:
    catalogue = catalogue_of(target)
    assert catalogue.item_ids == target.item_ids
    assert catalogue.items["kind"][:3].to_list() == ["kind 0", "kind 1", "kind 2"]


def test_all_ways_are_judged_on_the_same_users(tmp_path: Path, folder: Path) -> None:
    generated_dataset(tmp_path / "source", users=100)
    printed = StringIO()
    with redirect_stdout(printed):
        transfer.main(
            [
                *("--from-data", str(tmp_path / "source"), "--to-data", str(folder)),
                *("--users", "0,12", "--budget", "0.1", "--cache", str(tmp_path / "cache")),
                *("--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")),
            ]
        )
    content = json.loads((tmp_path / "results" / "transfer" / "source-target.json").read_text())
    rows = {(row["history"], row["way"], row["shots"]): row for row in content["rows"]}
    assert {way for _, way, _ in rows} == set(transfer.WAYS)
    assert (0, "alone", 5) not in rows
    for history in (0, 12):
        base, moved = rows[history, "popularity", 5], rows[history, "content", 5]
        assert base["users"] == moved["users"] > 0
        gain = moved["gains"]["popularity"]
        assert gain["mean"] == pytest.approx(moved["ndcg"]["mean"] - base["ndcg"]["mean"])
        assert gain["low"] < gain["mean"] < gain["high"]
    assert f"{rows[12, 'transfer', 10]['ndcg']['mean']:.4f}" in printed.getvalue()
    assert (tmp_path / "docs" / "images" / "transfer-source-target.svg").stat().st_size > 1000
