from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from models.features import Encoder
from tests.models.features.given import FILMS, WORDS, fitted


def kind(name: str, values: Sequence[object]) -> str:
    (column,) = fitted(name, values).columns
    return column.kind


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
        ("born", [datetime(1970, 1, 1), datetime(1980, 1, 1, 12)], "date"),  # noqa: DTZ001
        ("born", [datetime(1970, 1, 1, tzinfo=UTC), datetime(1980, 1, 1, tzinfo=UTC)], "date"),
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
