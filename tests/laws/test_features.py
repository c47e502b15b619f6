"""Laws of features: a table and the properties imported from it say the same; nothing raises."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import numpy as np
import polars as pl
from hypothesis import given, settings
from numpy.typing import NDArray

from app.cli.past import items_of
from models.data import Dataset, ReadReport
from models.errors import DataError
from models.features import Encoder, to_csr
from models.shapes import Features

often = settings(max_examples=60, deadline=None)

words = st.sampled_from(["sea", "The", "war", "Öl", "x1", "77", "is|not", "红楼", "", " "])
texts = words | st.lists(words, max_size=6).map(" ".join) | st.text(max_size=8)
days = st.dates(date(1900, 1, 1), date(2100, 1, 1))
moments = st.builds(datetime.combine, days, st.times())
CELLS: dict[pl.DataType, st.SearchStrategy[object]] = {
    pl.Int64(): st.integers(-3, 3) | st.integers(-(2**60), 2**60),
    pl.Float64(): st.floats(),
    pl.Float32(): st.floats(width=32),
    pl.Boolean(): st.booleans(),
    pl.String(): texts,
    pl.Date(): days,
    pl.Datetime("us"): moments,
    pl.Datetime("us", "UTC"): moments.map(lambda one: one.replace(tzinfo=UTC)),
    pl.Duration("us"): st.timedeltas(timedelta(days=-9), timedelta(days=9)),
    pl.Decimal(12, 3): st.decimals(-9999, 9999, places=3),
    pl.List(pl.String): st.lists(words | st.none(), max_size=5),
    pl.List(pl.Int64): st.lists(st.integers(0, 4), max_size=5),
    pl.List(pl.Float64): st.lists(st.floats(), max_size=3),
    pl.Struct({"a": pl.Int64}): st.just({"a": 1}),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(0, 12))
    columns = [pl.Series("item_id", [f"i{n}" for n in range(height)], pl.String)]
    for place, dtype in enumerate(draw(st.lists(st.sampled_from(list(CELLS)), max_size=5))):
        cells = st.lists(CELLS[dtype] | st.none(), min_size=height, max_size=height)
        columns.append(pl.Series(f"c{place}", draw(cells), dtype))
    return pl.DataFrame(columns)


def dense(encoder: Encoder, features: Features) -> NDArray[np.float32]:
    return to_csr(features, encoder.size).toarray()


def properties(table: pl.DataFrame) -> list[dict[str, object]]:
    """What the service knows of the items after the table has been imported."""
    nothing = np.zeros(0, np.int32)
    dataset = Dataset(
        name="",
        user_ids=(),
        item_ids=(),
        user=nothing,
        item=nothing,
        timestamp=None,
        rating=None,
        disliked=None,
        items=table,
        users=None,
        fingerprint="",
        report=ReadReport(0, 0, {}),
    )
    imported: list[dict[str, object]] = [
        json.loads(json.dumps(dict(item.properties))) for item in items_of(dataset)
    ]
    return imported


@often
@given(tables(), st.integers(1, 3))
def test_a_table_and_its_imported_properties_give_the_same_rows(
    table: pl.DataFrame, min_count: int
) -> None:
    encoder = Encoder.fit(table, "item_id", min_count=min_count)
    rows = encoder.encode_table(table, "item_id", table["item_id"].to_list())
    imported = encoder.encode(properties(table))
    assert np.array_equal(dense(encoder, rows), dense(encoder, imported))
    assert all(map(np.array_equal, rows, imported))


@often
@given(tables(), st.integers(1, 3), st.integers(0, 200))
def test_an_encoder_is_bounded_and_survives_the_manifest(
    table: pl.DataFrame, min_count: int, most: int
) -> None:
    encoder = Encoder.fit(table, "item_id", min_count=min_count, most_features=most)
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert again == encoder
    assert again.size == len(set(again.meanings)) <= most
    features = again.encode_table(table, "item_id", table["item_id"].to_list())
    assert features.values.isfinite().all()
    assert bool(((features.columns >= 0) & (features.columns < max(again.size, 1))).all())


@often
@given(tables())
def test_a_row_does_not_depend_on_its_neighbours(table: pl.DataFrame) -> None:
    encoder = Encoder.fit(table, "item_id", min_count=1)
    ids = table["item_id"].to_list()
    together = dense(encoder, encoder.encode_table(table, "item_id", ids))
    alone = [dense(encoder, encoder.encode_table(table, "item_id", [one])) for one in ids]
    assert np.array_equal(together, np.vstack([together[:0], *alone]))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@often
@given(tables(), st.lists(st.dictionaries(st.sampled_from(["c0", "c1", "c2", "zz"]), anything)))
def test_no_properties_are_an_error(
    table: pl.DataFrame, properties: list[dict[str, object]]
) -> None:
    encoder = Encoder.fit(table, "item_id", min_count=1)
    features = encoder.encode(properties)
    assert len(features.columns) == len(properties)
    assert features.values.isfinite().all()


@often
@given(tables(), st.data())
def test_a_damaged_encoder_is_refused_or_still_encodes(
    table: pl.DataFrame, data: st.DataObject
) -> None:
    stored = json.loads(json.dumps(Encoder.fit(table, "item_id", min_count=1).to_json()))
    part, key = data.draw(st.sampled_from(list(places_in(stored))))
    part[key] = data.draw(anything)
    try:
        encoder = Encoder.from_json(stored)
    except DataError:
        return
    assert encoder.encode_table(table, "item_id", ["i0"]).values.isfinite().all()


def places_in(part: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object inside some JSON, with every key it has."""
    for key, value in part.items():
        yield part, key
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from places_in(inner)
