from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.data import Dataset, histories, read, split
from models.errors import DataError
from tests.models.generated_data import generated_dataset, generated_frame


def folder(tmp_path: Path, frame: pl.DataFrame, **tables: pl.DataFrame) -> Path:
    for name, table in {"interactions": frame, **tables}.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def interactions(dataset: Dataset) -> set[tuple[str, str]]:
    return {
        (dataset.user_ids[user], dataset.item_ids[item])
        for user, item in zip(dataset.user, dataset.item, strict=True)
    }


PAIRS = {"user_id": ["a", "a", "b", "b"], "item_id": ["x", "y", "x", "z"]}


def test_reads_pairs_without_anything_else(tmp_path: Path) -> None:
    dataset = read(folder(tmp_path, pl.DataFrame(PAIRS)))
    assert dataset.user_ids == ("a", "b")
    assert dataset.item_ids == ("x", "y", "z")
    assert interactions(dataset) == {("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")}
    assert dataset.timestamp is None
    assert dataset.rating is None
    assert dataset.items is None
    assert dataset.name == tmp_path.name
    assert (dataset.report.rows, dataset.report.kept, dict(dataset.report.dropped)) == (4, 4, {})


def test_items_are_the_union_of_interactions_and_table(tmp_path: Path) -> None:
    items = pl.DataFrame({"item_id": ["w", "x", "x", None], "title": ["W", "X", "X again", "?"]})
    dataset = read(folder(tmp_path, pl.DataFrame(PAIRS), items=items))
    assert dataset.item_ids == ("w", "x", "y", "z")
    assert dataset.items is not None
    assert dataset.items["title"].to_list() == ["W", "X"]
    assert len(dataset.report.notes) == 3
    assert "1 rows that repeat" in str(dataset.report)


def test_csv_ids_stay_the_text_they_are(tmp_path: Path) -> None:
    lines = ["user_id,item_id,rating", "007,1.0,5", "007,2,3", "8,1.0,4"]
    (tmp_path / "interactions.csv").write_text("\n".join(lines))
    (tmp_path / "users.csv").write_text("user_id,age\n007,33\n8,44\n")
    dataset = read(tmp_path)
    assert dataset.user_ids == ("007", "8")
    assert dataset.item_ids == ("1.0", "2")
    assert dataset.users is not None
    assert dict(dataset.users.rows()) == {"007": 33, "8": 44}
    assert dataset.rating is not None
    assert dataset.rating.tolist() == [5, 3, 4]


def test_ids_written_as_fractions_are_those_of_the_other_tables(tmp_path: Path) -> None:
    rows = ["1.0,10.0", "1.0,11.0", "2.0,10.0"]
    (tmp_path / "interactions.csv").write_text("\n".join(["user_id,item_id", *rows]))
    (tmp_path / "items.csv").write_text("item_id,genre\n10,a\n11,b\n")
    users = pl.DataFrame({"user_id": [1.0, 2.5], "age": [1, 2]})
    users.write_parquet(tmp_path / "users.parquet")
    dataset = read(tmp_path)
    assert dataset.item_ids == ("10", "11")
    assert dataset.user_ids == ("1", "2")
    assert dataset.users is not None
    assert dataset.users["user_id"].to_list() == ["1", "2.5"]
    assert dataset.report.notes == ()


def test_says_how_little_the_tables_describe(tmp_path: Path) -> None:
    strangers = pl.DataFrame({"user_id": ["c"], "age": [3]})
    one = pl.DataFrame({"item_id": ["x"], "title": ["X"]})
    told = str(read(folder(tmp_path, pl.DataFrame(PAIRS), users=strangers, items=one)).report)
    assert "users.parquet describes 0 of the 2 users of the interactions; are its ids" in told
    assert "items.parquet describes 1 of the 3 items of the interactions\n" in told


def test_says_which_of_two_files_is_read(tmp_path: Path) -> None:
    pl.DataFrame(PAIRS).write_csv(tmp_path / "interactions.csv")
    report = read(folder(tmp_path, pl.DataFrame(PAIRS))).report
    assert report.notes == ("interactions.parquet is read, interactions.csv is not",)


def test_a_csv_may_turn_from_whole_numbers_to_others_and_keeps_zeros_in_front(
    tmp_path: Path,
) -> None:
    pl.DataFrame(PAIRS).write_csv(tmp_path / "interactions.csv")
    lines = [f"i{number},{number},{number % 7:02d}" for number in range(11_000)]
    text = "\n".join(["item_id,price,shelf", *lines, "x,12.5,08"])
    (tmp_path / "items.csv").write_text(text)
    items = read(tmp_path).items
    assert items is not None
    (price, shelf) = items.row(by_predicate=pl.col("item_id") == "x")[1:]
    assert (price, shelf) == (12.5, "08")


def test_each_time_is_read_for_itself(tmp_path: Path) -> None:
    written = ["2024-01-02T03:04:05Z", "2024-01-02 03:04:05.250", "1704164645", "soon"]
    dataset = read(folder(tmp_path, pl.DataFrame({**PAIRS, "timestamp": written})))
    assert dataset.timestamp is not None
    assert sorted(dataset.timestamp.tolist()) == [1704164645000, 1704164645000, 1704164645250]
    assert dict(dataset.report.dropped) == {"timestamp missing or out of range": 1}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("timestamp", pl.Series([time(1), time(2), time(3), time(4)])),
        ("timestamp", pl.Series([timedelta(1)] * 4)),
        ("timestamp", pl.Series([True, False, True, True])),
        ("timestamp", pl.Series([[1], [2], [3], [4]])),
        ("rating", pl.Series([[1.0], [2.0], [3.0], [4.0]])),
        ("rating", pl.Series([date(2024, 1, 2)] * 4)),
        ("weight", pl.Series([b"1", b"2", b"3", b"4"])),
    ],
)
def test_refuses_columns_of_a_type_that_tells_nothing(
    tmp_path: Path, name: str, column: pl.Series
) -> None:
    frame = pl.DataFrame(PAIRS).with_columns(column.alias(name))
    with pytest.raises(DataError, match=f"column '{name}' is .*expected"):
        read(folder(tmp_path, frame))


def test_categories_are_read_as_what_they_say(tmp_path: Path) -> None:
    ratings = pl.Series("rating", ["1", "2", "3", "5"]).cast(pl.Categorical)
    dataset = read(folder(tmp_path, pl.DataFrame(PAIRS).with_columns(ratings)))
    assert dataset.rating is not None
    assert sorted(dataset.rating.tolist()) == [1, 2, 3, 5]


def test_says_that_most_ratings_would_be_dislikes(tmp_path: Path) -> None:
    plays = pl.DataFrame({**PAIRS, "rating": [1.0, 3.0, 4.0, 900.0]})
    assert "75% of the ratings count as dislikes" in str(read(folder(tmp_path, plays)).report)


def test_csv_and_parquet_of_the_same_rows_have_the_same_fingerprint(tmp_path: Path) -> None:
    frame = generated_frame(users=20)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    frame.write_csv(tmp_path / "a" / "interactions.csv")
    frame.sample(fraction=1, shuffle=True, seed=3).write_parquet(
        tmp_path / "b" / "interactions.parquet"
    )
    first, second = read(tmp_path / "a"), read(tmp_path / "b")
    assert first.fingerprint == second.fingerprint
    frame[1:].write_csv(tmp_path / "a" / "interactions.csv")
    assert read(tmp_path / "a").fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pl.Series([3, 3, 12, 12], dtype=pl.Int16), ("12", "3")),
        (pl.Series([3.0, 3.0, 12.0, 12.0]), ("12", "3")),
        (pl.Series([0.5, 0.5, 2.0, 2.0]), ("0.5", "2")),
        (pl.Series([True, True, False, False]), ("false", "true")),
        (pl.Series(["b", "b", "a", "a"], dtype=pl.Categorical), ("a", "b")),
        (pl.Series([date(2020, 1, 1)] * 2 + [date(2021, 1, 1)] * 2), ("2020-01-01", "2021-01-01")),
        (pl.Series(['{"/"}', '{"/"}', "🎬", "🎬"]), ('{"/"}', "🎬")),
    ],
)
def test_ids_of_any_type_become_text(
    tmp_path: Path, column: pl.Series, texts: tuple[str, str]
) -> None:
    frame = pl.DataFrame({"user_id": column, "item_id": PAIRS["item_id"]})
    assert read(folder(tmp_path, frame)).user_ids == texts


MOMENT = 1_600_000_000


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([MOMENT] * 4),
        pl.Series([float(MOMENT)] * 4),
        pl.Series([MOMENT * 1000] * 4),
        pl.Series([MOMENT * 1_000_000] * 4),
        pl.Series([MOMENT * 1_000_000_000] * 4),
        pl.Series([str(MOMENT)] * 4),
        pl.Series(["2020-09-13T12:26:40"] * 4),
        pl.Series(["2020-09-13T12:26:40Z"] * 4),
        pl.Series([datetime(2020, 9, 13, 12, 26, 40)] * 4),  # noqa: DTZ001  (naive is UTC)
        pl.Series([datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)] * 4),
    ],
)
def test_times_of_any_unit_become_milliseconds(tmp_path: Path, column: pl.Series) -> None:
    dataset = read(folder(tmp_path, pl.DataFrame({**PAIRS, "timestamp": column})))
    assert dataset.timestamp is not None
    assert dataset.timestamp.tolist() == [MOMENT * 1000] * 4
    assert dataset.report.kept == 4


def test_says_what_was_dropped_and_why(tmp_path: Path) -> None:
    rows = [
        ("a", "x", 9, 1.0),
        ("a", "x", 5, 2.0),
        ("a", "y", 6, 3.0),
        ("b", "x", 7, 4.0),
        ("b", "z", 8, float("nan")),
        ("b", "z", 8, None),
        (None, "x", 1, 1.0),
        ("", "x", 1, 1.0),
        ("a", None, 1, 1.0),
        ("a" * 257, "x", 1, 1.0),
        ("a", "é" * 129, 1, 1.0),
        ("b", "y", None, 1.0),
        ("b", "y", -5, 1.0),
    ]
    frame = pl.DataFrame(rows, ["user_id", "item_id", "timestamp", "rating"], orient="row")
    dataset = read(folder(tmp_path, frame))
    assert dict(dataset.report.dropped) == {
        "no user_id": 2,
        "user_id longer than 256 bytes": 1,
        "no item_id": 1,
        "item_id longer than 256 bytes": 1,
        "timestamp missing or out of range": 2,
        "rating missing or not a number": 2,
        "repeat of the same user and item": 1,
    }
    assert dataset.report.kept == len(dataset.user) == 3
    assert dataset.report.rows == dataset.report.kept + sum(dataset.report.dropped.values())
    assert dataset.rating is not None
    assert dataset.rating.tolist() == [2, 3, 4]
    assert "dropped 1: repeat of the same user and item" in str(dataset.report)


def test_an_empty_column_is_no_column(tmp_path: Path) -> None:
    frame = pl.DataFrame({**PAIRS, "timestamp": [None] * 4, "rating": ["good"] * 4})
    dataset = read(folder(tmp_path, frame))
    assert dataset.report.kept == 4
    assert dataset.timestamp is None
    assert dataset.rating is None
    assert len(dataset.report.notes) == 2


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"user": ["a"], "item_id": ["x"]}, "no column 'user_id'"),
        ({"user_id": [], "item_id": []}, "no interactions are left"),
        ({"user_id": [None], "item_id": ["x"]}, "no interactions are left"),
        ({"user_id": ["a", "a"], "item_id": ["x", "y"]}, "of one user"),
        ({"user_id": ["a", "b"], "item_id": ["x", "x"]}, "with one item"),
        ({"user_id": ["a", "b"], "item_id": ["x", "y"]}, "a single item"),
        ({"user_id": [["a"], ["b"]], "item_id": ["x", "y"]}, "List"),
    ],
)
def test_refuses_what_cannot_teach(
    tmp_path: Path, columns: dict[str, list[str]], reason: str
) -> None:
    folder(tmp_path, pl.DataFrame(columns))
    with pytest.raises(DataError, match=reason) as caught:
        read(tmp_path)
    assert caught.value.advice


def test_refuses_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no interactions\.parquet"):
        read(tmp_path)
    (tmp_path / "interactions.csv").write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        read(tmp_path)
    (tmp_path / "interactions.csv").write_bytes(b"user_id,item_id\na,x\nb,\xff\xfe\n")
    with pytest.raises(DataError, match="UTF-8"):
        read(tmp_path)
    (tmp_path / "interactions.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(DataError, match="must be Parquet"):
        read(tmp_path)


def test_split_holds_out_every_user_in_one_of_ten_folds(tmp_path: Path) -> None:
    dataset = generated_dataset(tmp_path, users=2000)
    folds = [split(dataset, seed=7, fold=fold) for fold in range(10)]
    together = np.concatenate([one.test for one in folds])
    assert sorted(together) == list(range(2000))
    for one in folds:
        parts = (one.train, one.validation, one.test)
        assert sorted(np.concatenate(parts)) == list(range(2000))
        assert 140 < len(one.test) < 260
        assert 60 < len(one.validation) < 140
    assert not np.array_equal(split(dataset, seed=8).test, folds[0].test)
    with pytest.raises(ValueError, match="fold"):
        split(dataset, seed=7, fold=10)


def test_a_users_place_does_not_depend_on_the_others(tmp_path: Path) -> None:
    frame = generated_frame()
    some = frame.filter(pl.col("user_id") > "u3")
    (tmp_path / "some").mkdir()
    whole = read(folder(tmp_path, frame))
    part = read(folder(tmp_path / "some", some))
    held_out = {whole.user_ids[user] for user in split(whole, seed=0).test}
    assert {part.user_ids[user] for user in split(part, seed=0).test} == {
        user for user in held_out if user > "u3"
    }


def test_histories_hold_everything_in_order(tmp_path: Path) -> None:
    frame = generated_frame(users=50)
    dataset = read(folder(tmp_path, frame))
    by_time = histories(dataset, "time", seed=0)
    expected = frame.sort("timestamp").group_by("user_id", maintain_order=True).all()
    for user_id, items in expected.select("user_id", "item_id").rows():
        history = by_time.of(dataset.user_ids.index(user_id))
        assert [dataset.item_ids[item] for item in history] == items
    first, again, other = (histories(dataset, "random", seed) for seed in (0, 0, 1))
    assert np.array_equal(first.items, again.items)
    assert not np.array_equal(first.items, other.items)
    assert np.array_equal(first.lengths, by_time.lengths)
    for user in range(50):
        assert sorted(first.of(user)) == sorted(other.of(user)) == sorted(by_time.of(user))


def test_random_order_favours_no_item(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user_id": np.repeat(np.arange(2000), 4), "item_id": [0, 1, 2, 3] * 2000})
    past = histories(read(folder(tmp_path, frame)), "random", seed=0)
    first = np.bincount(past.items[past.indptr[:-1]], minlength=4)
    assert first.min() > 400


def test_time_breaks_ties_by_seed_and_needs_timestamps(tmp_path: Path) -> None:
    frame = generated_frame(users=50)
    (tmp_path / "tied").mkdir()
    tied = read(folder(tmp_path / "tied", frame.with_columns(timestamp=pl.lit(MOMENT))))
    assert np.array_equal(histories(tied, "time", 5).items, histories(tied, "random", 5).items)
    untimed = read(folder(tmp_path, frame.drop("timestamp")))
    with pytest.raises(DataError, match="no timestamps"):
        histories(untimed, "time", 5)


def test_fewer_training_users_are_part_of_more(tmp_path: Path) -> None:
    dataset = generated_dataset(tmp_path)
    whole = split(dataset, seed=3)
    sizes = [10, 100, 10_000]
    parts = [split(dataset, seed=3, training_users=size) for size in sizes]
    assert [len(part.train) for part in parts] == [10, 100, len(whole.train)]
    assert set(parts[0].train) < set(parts[1].train) < set(whole.train)
    assert all(np.array_equal(part.train, np.unique(part.train)) for part in parts)
    assert all(np.array_equal(part.test, whole.test) for part in parts)
    assert all(np.array_equal(part.validation, whole.validation) for part in parts)
