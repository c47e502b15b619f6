"""Tables of items without interactions: what is accepted, and how it fails."""

from pathlib import Path

import polars as pl
import pytest

from models.catalogue import read_catalogue
from models.errors import DataError

ITEMS = pl.DataFrame({"item_id": [10, 9, 1], "kind": ["a", "b", "a"]})


def test_a_folder_a_parquet_file_and_a_csv_file_give_the_same(tmp_path: Path) -> None:
    ITEMS.write_parquet(tmp_path / "items.parquet")
    ITEMS.write_csv(tmp_path / "others.csv")
    found = [
        read_catalogue(place)
        for place in (tmp_path, tmp_path / "items.parquet", tmp_path / "others.csv")
    ]
    assert [one.name for one in found] == [tmp_path.name, "items", "others"]
    for one in found:
        assert one.item_ids == ("1", "10", "9")
        assert one.items["kind"].to_list() == ["a", "a", "b"]


def test_users_are_read_from_where_they_lie(tmp_path: Path) -> None:
    ITEMS.write_csv(tmp_path / "items.csv")
    pl.DataFrame({"user_id": ["b", "a"], "age": [1, 2]}).write_csv(tmp_path / "users.csv")
    assert read_catalogue(tmp_path).users is None
    users = read_catalogue(tmp_path, tmp_path).users
    assert users is not None
    assert users["user_id"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("item_id,kind\n", "no items"),
        ("id,kind\na,b\n", "no column 'item_id'"),
        ("item_id,kind\na,x\nb,y\na,z\n", "'a' is there more than once"),
        ("item_id,kind\na,x\n,y\n", "1 rows have no item_id"),
        (f"item_id\n{'x' * 257}\n", "above 256 bytes"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "items.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=complaint):
        read_catalogue(path)


def test_a_table_that_is_not_there_or_no_table_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.parquet"):
        with pytest.raises(DataError, match="no table of items"):
            read_catalogue(place)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="must be Parquet"):
        read_catalogue(broken)
