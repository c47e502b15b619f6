from datetime import date

import numpy as np
import polars as pl
import pytest

from models.features import Encoder
from tests.models.features.given import FILMS, dense, fitted, said


def test_a_number_is_standardised_and_falls_into_a_bucket() -> None:
    encoder = fitted("age", [1, 1, 18, 18, 25, 25, 200, 200])
    column = ("age", "number")
    assert said(encoder, {"age": 18}) == {
        column: pytest.approx((18 - 61) / np.std([1, 18, 25, 200]), abs=1e-4),
        (*column, "1.0", "18.0"): 1,
    }
    assert said(encoder, {"age": -5}).keys() == {column, (*column, "", "1.0")}
    assert said(encoder, {"age": 1e9}) == {column: 3, (*column, "25.0", ""): 1}


def test_numbers_of_many_values_fall_into_ten_even_buckets() -> None:
    encoder = fitted("price", [float(n) ** 2 for n in range(200)])
    rows = dense(encoder.encode([{"price": float(n) ** 2} for n in range(200)]), encoder.size)
    assert encoder.size == 11
    assert (rows[:, 1:].sum(1) == 1).all()
    assert set(rows[:, 1:].sum(0)) == {20}


def test_a_number_that_is_there_or_missing_says_only_that() -> None:
    encoder = fitted("score", [0.1, 0.1, 0.1, None])
    assert said(encoder, {"score": 0.1}) == {}
    assert said(encoder, {}) == {("score", "missing"): 1}


def test_a_popular_number_at_an_end_has_a_bucket_of_its_own() -> None:
    values = [0.0] * 60 + [float(n) for n in range(1, 41)]
    encoder = fitted("spent", values)
    assert said(encoder, {"spent": 0.0}).keys() >= {("spent", "number", "", "0.0")}
    assert ("spent", "number", "", "0.0") not in said(encoder, {"spent": 1.0})


def test_dates_and_iso_texts_are_the_same() -> None:
    days = [date(1970, 1, 1), date(1980, 6, 1), date(1990, 1, 1)]
    first = fitted("born", days, min_count=1)
    second = fitted("born", [day.isoformat() for day in days], min_count=1)
    assert first == second
    noon = said(first, {"born": "1980-06-01T12:00:00+00:00"})
    assert noon == said(first, {"born": "1980-06-01T14:00:00+02:00"})
    assert noon != said(first, {"born": "1980-06-01"})


def test_dates_that_python_cannot_hold_are_missing() -> None:
    far = pl.Series("born", [0, 3_650, 2_000_000_000], dtype=pl.Int32).cast(pl.Date)
    table = pl.DataFrame({"id": ["a", "b", "c"], "born": far})
    encoder = Encoder.fit(table, "id", min_count=1)
    rows = dense(encoder.encode_table(table, "id", ["c"]), encoder.size)
    assert encoder.meanings[int(np.flatnonzero(rows[0])[0])] == ("born", "missing")


def test_rare_and_unseen_values_are_other() -> None:
    encoder = fitted("country", ["US", "US", "FR", "FR", "FI"])
    assert said(encoder, {"country": "US"}) == {("country", "is", "US"): 1}
    other = {("country", "other"): 1}
    assert said(encoder, {"country": "FI"}) == said(encoder, {"country": "Mars"}) == other


def test_one_and_its_spellings_are_one_category_but_true_is_another() -> None:
    encoder = fitted("level_id", [1, 1, 2, 2])
    for spelling in (1, 1.0, "1", " 1 "):
        assert said(encoder, {"level_id": spelling}) == {("level_id", "is", "1"): 1}
    assert said(encoder, {"level_id": True}) == {("level_id", "other"): 1}


def test_a_list_has_length_one_and_counts_unknown_values_once() -> None:
    encoder = fitted("tags", [["a", "b"], ["a", "b"], ["c", "c"], ["d"]])
    third = round(3**-0.5, 4)
    assert said(encoder, {"tags": ["b", "a", "a", "x", "y", None, {}]}) == {
        ("tags", "is", "a"): third,
        ("tags", "is", "b"): third,
        ("tags", "other"): third,
    }
    assert said(encoder, {"tags": "a|b"}) == said(encoder, {"tags": ["a", "b"]})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("year", [None, "1980", True, [1980], {}, float("nan"), float("inf"), 10**400]),
        ("colour", [None, [], {}, "", float("nan"), 10**400]),
        ("genres", [None, [], {}, 5, [None, {}, []], ""]),
        ("title", [None, [], {}, "  ", 10**400]),
    ],
)
def test_what_is_no_value_of_its_kind_counts_as_missing(name: str, wrong: list[object]) -> None:
    encoder = Encoder.fit(FILMS.select("item_id", name), "item_id", min_count=2)
    for value in wrong:
        assert said(encoder, {name: value}) == {(name, "missing"): 1}, value
    assert said(encoder, {}) == {(name, "missing"): 1}


def test_nothing_is_said_of_what_was_never_missing() -> None:
    assert said(fitted("country", ["US", "US", "FR", "FR"]), {}) == {}
