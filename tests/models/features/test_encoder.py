import numpy as np
import polars as pl

from models.features import Encoder, matching, to_csr
from tests.models.features.given import FILMS, WORDS, dense, fitted


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
