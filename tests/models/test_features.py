import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.errors import DataError
from models.features import Encoder, load_embedding, matching, to_csr
from models.shapes import Features

FILMS = pl.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(8)],
        "title": ["The Sea", "The Sea II", "A Sea Story", "War", "War, Peace", "Moon", "x", None],
        "genres": [["Drama"], ["Drama", "War"], [], ["War"], ["War", "Drama"], None, ["Noir"], []],
        "year": [1950, 1960, 1970, 1980, 1990, 2000, 2010, None],
        "colour": [True, False, True, True, True, False, None, True],
        "country": ["US", "US", "FR", "FR", "US", "FI", "US", "US"],
        "cast": [{"lead": "A"}] * 8,
        "format": ["film"] * 8,
    }
)


def fitted(name: str, values: Sequence[object], *, min_count: int = 2) -> Encoder:
    """The encoder of a table of one column."""
    ids = [str(n) for n in range(len(values))]
    table = pl.DataFrame({"id": ids, name: values}, strict=False)
    return Encoder.fit(table, "id", min_count=min_count)


def kind(name: str, values: Sequence[object]) -> str:
    (column,) = fitted(name, values).columns
    return column.kind


def dense(features: Features, size: int) -> NDArray[np.float32]:
    return to_csr(features, size).toarray()


def said(encoder: Encoder, properties: Mapping[str, object]) -> dict[tuple[str, ...], float]:
    """What an encoder makes of one object: the features that are not 0, by their meaning."""
    row = dense(encoder.encode([properties]), encoder.size)[0]
    return {encoder.meanings[n]: round(float(row[n]), 4) for n in np.flatnonzero(row)}


def test_every_column_finds_its_kind() -> None:
    encoder = Encoder.fit(FILMS, "item_id", min_count=2)
    assert {column.name: column.kind for column in encoder.columns} == {
        "title": "text",
        "genres": "list",
        "year": "number",
        "colour": "category",
        "country": "category",
    }
    assert encoder.notes == (
        "column 'cast' ignored: nothing can be made of the type Struct({'lead': String})",
        "column 'format' ignored: it is always the same",
    )
    assert len(encoder.meanings) == len(set(encoder.meanings)) == encoder.size
    assert encoder.describe()[:2] == ["title: text", "genres: list, 4 features"]


WORDS = ["red sea", "blue moon", "war story", "green hill", "old tree", "new day"]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", ["25-34", "35-44"] * 5, "category"),
        ("age", [1, 18, 25, 35] * 5, "number"),
        ("kids", ["0", "1", "2"] * 5, "category"),
        ("author", ["Ann Lee", "Bo Ek"] * 5, "category"),
        ("title", WORDS, "text"),
        ("review", [f"a long enough text of many words {n % 50}" for n in range(400)], "category"),
        (
            "review",
            [f"many words said about {word}{n}" for word in "ab" for n in range(99)],
            "text",
        ),
        ("maker_id", [7, 7, 8, 9, 9], "category"),
        ("brand", [n % 150 for n in range(450)], "category"),
        ("pages", [n % 100 for n in range(450)], "number"),
        ("price", [Decimal("1.5"), Decimal("2.5"), None], "number"),
        ("length", [timedelta(hours=1), timedelta(hours=2), None], "number"),
        ("genres", ["Drama|War", "Drama", "War|Noir"], "list"),
        ("born", [date(1970, 1, 1), date(1980, 1, 1)], "date"),
        ("born", ["1970-01-01", "1980-01-01T10:00:00Z"], "date"),
    ],
)
def test_kinds(name: str, values: Sequence[object], expected: str) -> None:
    assert kind(name, values) == expected


def test_codes_without_repeats_are_dropped_with_a_note() -> None:
    encoder = fitted("imdb_id", [f"{n:07}" for n in range(50)])
    assert encoder.size == 0
    assert encoder.notes == ("column 'imdb_id' ignored: none of its values occurs often enough",)
    assert encoder.encode([{"imdb_id": "0000001"}]).columns.shape == (1, 0)


@pytest.mark.parametrize(
    "values", [[None, None], [float("nan"), float("inf")], ["", " "], [[], []]]
)
def test_empty_columns_are_dropped_with_a_note(values: Sequence[object]) -> None:
    encoder = fitted("empty", values)
    assert encoder.size == 0
    assert len(encoder.notes) == 1


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


def test_texts_that_share_words_or_their_pieces_are_near() -> None:
    encoder = fitted("title", [*WORDS, "sea war", "red hill", "blue tree", "story of the sea"])
    texts = ["The RED sea", "red sea", "seas of red", "blue moon"]
    rows = dense(encoder.encode([{"title": text} for text in texts]), encoder.size)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    nearness = rows @ rows[1]
    assert nearness[0] == pytest.approx(1)
    assert nearness[0] > nearness[2] > nearness[3]


def test_rare_words_weigh_more_than_common_ones() -> None:
    encoder = fitted("title", ["sea one", "sea two", "sea six", "sea ten", "sea war", "war on"])
    found = sorted(said(encoder, {"title": "sea war"}).values())
    assert len(found) == 6
    assert found[0] == found[2] < found[3] == found[5]


def test_long_texts_keep_their_heaviest_grams() -> None:
    encoder = fitted("title", [f"word{n} {end}" for n in range(60) for end in ("ten", "two")])
    features = encoder.encode([{"title": " ".join(f"word{n}" for n in range(60))}])
    assert features.columns.shape == (1, 128)


def test_all_text_columns_share_their_features() -> None:
    table = pl.DataFrame({"id": list("abcdef"), "title": WORDS, "plot": WORDS[::-1]})
    encoder = Encoder.fit(table, "id", min_count=2)
    assert said(encoder, {"title": "red sea"}) == said(encoder, {"plot": "red sea"})


def test_hashes_are_the_same_in_every_process() -> None:
    encoder = fitted("title", ["no", "no ox", "up", "we", "me", "go"])
    assert encoder.meanings == [("text", "2999455935"), ("text", "3411430191")]


def test_text_that_is_no_utf8_is_read_all_the_same() -> None:
    encoder = fitted("title", WORDS, min_count=1)
    assert said(encoder, {"title": "sea \ud800"}) == said(encoder, {"title": "sea"}) != {}


def test_a_text_without_spaces_is_read_by_its_signs() -> None:
    encoder = fitted("title", ["红楼梦", "红高粱", "西游记", "水浒传", "三国演义"])
    assert len(said(encoder, {"title": "红"})) == 1


def test_an_id_that_is_not_in_the_table_lacks_everything() -> None:
    encoder = Encoder.fit(FILMS, "item_id", min_count=2)
    ids = ["i3", "nobody", "i0", "i3"]
    rows = dense(encoder.encode_table(FILMS, "item_id", ids), encoder.size)
    everything = dense(encoder.encode_table(FILMS, "item_id", list(FILMS["item_id"])), encoder.size)
    assert np.array_equal(rows[[0, 2, 3]], everything[[3, 0, 3]])
    assert np.array_equal(rows[1:2], dense(encoder.encode([{}]), encoder.size))


def test_a_table_may_lack_columns_repeat_keys_and_have_numbers_for_keys() -> None:
    encoder = fitted("country", ["US", "US", "FR", None])
    table = pl.DataFrame({"id": [1, 2, 2], "country": ["US", "FR", "US"]})
    rows = dense(encoder.encode_table(table, "id", ["2", "1"]), encoder.size)
    assert np.array_equal(rows, dense(encoder.encode([{"country": "FR"}, {"country": "US"}]), 3))
    rows = dense(encoder.encode_table(table.drop("country"), "id", ["2"]), encoder.size)
    assert np.array_equal(rows, dense(encoder.encode([{}]), encoder.size))


def test_the_most_frequent_features_stay() -> None:
    values = [f"c{n}" for n in range(30) for _ in range(n + 1)]
    table = pl.DataFrame({"id": [str(n) for n in range(len(values))], "country": values})
    encoder = Encoder.fit(table, "id", min_count=1, most_features=8)
    assert encoder.meanings == [
        *(("country", "is", f"c{n}") for n in (29, 28, 27, 26, 25)),
        ("country", "other"),
    ]


def test_columns_beyond_the_room_are_dropped_with_a_note() -> None:
    table = FILMS.select("item_id", "year", "colour")
    encoder = Encoder.fit(table, "item_id", min_count=1, most_features=4)
    assert encoder.meanings == [
        ("colour", "is", "true"),
        ("colour", "other"),
        ("colour", "missing"),
    ]
    assert encoder.notes == ("column 'year' ignored: there is no room for more features",)


def test_an_empty_table_gives_no_features() -> None:
    encoder = Encoder.fit(FILMS.clear(), "item_id")
    assert encoder.size == 0
    assert encoder.encode_table(FILMS, "item_id", ["i0"]).columns.shape == (1, 0)
    assert encoder.encode([]).columns.shape == (0, 0)


def test_to_csr_adds_up_and_ignores_unused_slots() -> None:
    table = pl.DataFrame({"id": list("abcdef"), "title": WORDS, "plot": WORDS[::-1]})
    encoder = Encoder.fit(table, "id", min_count=1)
    features = encoder.encode([{"title": "red sea", "plot": "sea"}, {}, {"title": "red war"}])
    matrix = to_csr(features, encoder.size)
    assert matrix.shape == (3, encoder.size)
    expected = np.zeros(matrix.shape, np.float32)
    for row, slot in np.ndindex(*features.columns.shape):
        expected[row, features.columns[row, slot]] += features.values[row, slot].item()
    assert np.array_equal(matrix.toarray(), expected)
    assert 0 < matrix.nnz < int((features.values != 0).sum())


def test_matching_finds_what_says_the_same_in_another_domain() -> None:
    books = pl.DataFrame(
        {
            "isbn": list("abcdef"),
            "name": ["The Sea", "Sea of War", "War Story", "Sea Story", "Moon War", None],
            "country": ["FR", "FR", "US", "US", "SE", "SE"],
            "year": [1800, 1850, 1900, 1950, 2000, 2020],
        }
    )
    films = Encoder.fit(FILMS, "item_id", min_count=2)
    encoder = Encoder.fit(books, "isbn", min_count=2)
    found = matching(encoder, films)
    pairs = {
        encoder.meanings[new]: films.meanings[old] for new, old in enumerate(found) if old >= 0
    }
    assert all(new == old for new, old in pairs.items())
    expected = {("country", "is", "FR"), ("country", "is", "US"), ("country", "other")}
    texts = {meaning for meaning in pairs if meaning[0] == "text"}
    assert pairs.keys() - texts == expected | {("year", "number")}
    assert len(texts) >= 3
    assert (found[encoder.meanings.index(("name", "missing"))]) == -1
    assert np.array_equal(matching(films, films), np.arange(films.size))


class Lengths:
    """A text embedding of two numbers."""

    name = "lengths"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[len(one.encode()), len(one.split())] for one in texts], np.float32)


def test_an_embedding_takes_the_place_of_the_hashed_grams() -> None:
    encoder = Encoder.fit(FILMS.select("item_id", "title"), "item_id", embedding=Lengths())
    assert said(encoder, {"title": "two go"}) == {
        ("embedding", "lengths", "0"): round(6 / 40**0.5, 4),
        ("embedding", "lengths", "1"): round(2 / 40**0.5, 4),
    }
    assert said(encoder, {}) == {("title", "missing"): 1}
    assert said(encoder, {"title": "\ud800wo go"}) == said(encoder, {"title": "two go"})
    stored = json.loads(json.dumps(encoder.to_json()))
    assert Encoder.from_json(stored, embedding=Lengths()) == encoder


def test_an_embedding_must_be_the_one_it_was_fitted_with() -> None:
    encoder = Encoder.fit(FILMS.select("item_id", "title"), "item_id", embedding=Lengths())
    other = Lengths()
    other.name = "others"
    with pytest.raises(DataError, match="'others'"):
        Encoder.from_json(encoder.to_json(), embedding=other)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder.fit(FILMS.select("item_id", "title"), "item_id", embedding=Lengths())
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    for load in (lambda: load_embedding("small"), lambda: Encoder.from_json(encoder.to_json())):
        with pytest.raises(DataError, match=r"install thaw\[embeddings\]"):
            load()


@pytest.mark.parametrize(
    "change",
    [
        {"columns": None},
        {"columns": [None]},
        {"columns": [{"kind": "colour", "name": "a", "missing": False}]},
        {"columns": [{"kind": "category", "name": "a", "missing": False, "values": ["b", "b"]}]},
        {"columns": [{"kind": "category", "name": "a", "missing": 0, "values": ["b"]}]},
        {"columns": [{"kind": "text", "name": "a", "missing": False}] * 2},
        {"text": {"hashes": [1, 2], "idf": [1.0]}},
        {"text": {"hashes": [1, 1], "idf": [1.0, 1.0]}},
        {"text": {"hashes": [2**32], "idf": [1.0]}},
        {"text": {"hashes": [1], "idf": [0.0]}},
        {"text": []},
        {"notes": "none"},
        {"notes": [1]},
    ],
)
def test_nonsense_is_refused(change: dict[str, object]) -> None:
    stored = Encoder.fit(FILMS, "item_id", min_count=2).to_json()
    with pytest.raises(DataError):
        Encoder.from_json(stored | change)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": None},
        {"mean": float("nan")},
        {"deviation": 0},
        {"deviation": -1.0},
        {"edges": [2, 1]},
        {"edges": [10**400]},
        {"edges": "12"},
    ],
)
def test_nonsense_about_numbers_is_refused(change: dict[str, object]) -> None:
    column = {"kind": "number", "name": "a", "missing": False, "mean": 1, "deviation": 2}
    stored: dict[str, object] = {"columns": [column | {"edges": [1, 2]}], "text": None, "notes": []}
    assert Encoder.from_json(stored).size == 4
    with pytest.raises(DataError):
        Encoder.from_json(stored | {"columns": [column | {"edges": [1, 2]} | change]})
