"""Items by what is known of them: alike ones are near, columns weigh the same, users take over."""

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models import content as module
from models.algorithms.memory import nearest
from models.content import (
    SIZE,
    bearers,
    blended_vectors,
    content_map,
    content_of,
    content_vectors,
    with_content,
)
from models.features import Encoder

TABLE = pl.DataFrame(
    {
        "item_id": [f"i{n:02d}" for n in range(40)],
        "kind": ["red", "green", "blue", "grey"] * 10,
        "shop": ["here"] * 39 + ["there"],
        "price": [float(n % 7) for n in range(40)],
    }
)
ENCODER = Encoder.fit(TABLE, "item_id")


def content_matrix(table: pl.DataFrame = TABLE, encoder: Encoder = ENCODER) -> csr_array:
    ids = table["item_id"].to_list()
    return content_of(encoder, encoder.encode_table(table, "item_id", ids))


def cosines(content: csr_array) -> NDArray[np.float64]:
    return np.asarray((content @ content.T).toarray())


def test_rows_have_length_one_or_nothing_is_known() -> None:
    unknown = pl.concat([TABLE, pl.DataFrame({"item_id": ["new"]})], how="diagonal")
    lengths = np.diag(cosines(content_matrix(unknown)))
    np.testing.assert_allclose(lengths[:40], 1)
    assert lengths[40] == pytest.approx(0)


def test_items_of_a_kind_are_nearer() -> None:
    found = cosines(content_matrix())
    same = np.equal.outer(np.arange(40) % 4, np.arange(40) % 4)
    np.fill_diagonal(found, np.nan)
    assert np.nanmin(found[same]) > np.nanmean(found[~same])


def test_a_column_of_many_features_does_not_drown_the_others() -> None:
    words = TABLE.with_columns(
        note=pl.Series([" ".join(f"word{(n * 7 + k) % 50}" for k in range(12)) for n in range(40)])
    )
    encoder = Encoder.fit(words, "item_id")
    assert encoder.text is not None
    assert encoder.text.size > 10 * 4
    content = content_matrix(words, encoder)
    own = content[:, : encoder.size - encoder.text.size]
    share = np.asarray(own.multiply(own).sum(1)).ravel().mean()
    assert 0.4 < share < 0.8  # two of three columns tell items apart


def test_what_all_have_in_common_says_nothing() -> None:
    place = ENCODER.meanings.index(("shop", "is", "here"))
    rare = ENCODER.meanings.index(("kind", "is", "red"))
    sums = np.asarray(content_matrix().sum(0)).ravel()
    assert sums[place] / 39 < 0.2 * sums[rare] / 10


def test_the_commonest_features_go_where_comparing_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PRODUCTS", 500)
    used = np.asarray(content_matrix().sum(0)).ravel() > 0
    assert not used[ENCODER.meanings.index(("shop", "is", "here"))]
    assert used.any()


def test_vectors_are_sorted_centred_and_as_long_as_trained_ones() -> None:
    vectors = content_vectors(content_matrix(), 6, seed=0)
    assert vectors.shape == (40, 6)
    sizes = vectors.square().sum(0)
    assert (sizes.diff() <= 1e-6).all()
    torch.testing.assert_close(vectors.mean(0), torch.zeros(6), atol=1e-6, rtol=0)
    assert vectors.square().sum(1).mean() == pytest.approx(SIZE, rel=1e-5)


def test_a_map_makes_the_same_vectors_of_the_features() -> None:
    content = content_matrix()
    vectors = content_vectors(content, 6, seed=0)
    table, offset = content_map(content, vectors)
    made = torch.from_numpy(content.toarray()).float() @ table + offset
    torch.testing.assert_close(made, vectors, atol=1e-4, rtol=1e-3)


def test_a_map_of_nothing_makes_nothing() -> None:
    table, offset = content_map(csr_array((5, 3)), torch.zeros(5, 4))
    assert (table == 0).all()
    assert (offset == 0).all()


@pytest.mark.parametrize("features", [0, 1, 3])
def test_hardly_anything_known_gives_vectors_all_the_same(features: int) -> None:
    vectors = content_vectors(csr_array(np.eye(5, features)), 8, seed=0)
    assert vectors.shape == (5, 8)
    assert vectors.isfinite().all()


def test_a_feature_is_borne_by_the_items_that_have_it() -> None:
    red, blue = (ENCODER.meanings.index(("kind", "is", kind)) for kind in ("red", "blue"))
    items, values = bearers(content_matrix(), np.array([blue, -1, red]))
    borne = [{int(item) for item in row[own > 0]} for row, own in zip(items, values, strict=True)]
    assert borne == [set(range(2, 40, 4)), set(), set(range(0, 40, 4))]
    assert values[values > 0].std() == pytest.approx(1, rel=1e-4)


def test_cosines_begin_at_the_content_and_end_at_the_interactions() -> None:
    content = content_matrix()
    random = np.random.default_rng(0)
    none: csr_array = csr_array((0, 40))
    many: csr_array = csr_array((random.random((4000, 40)) < 0.5).astype(float))

    def near(matrix: csr_array) -> NDArray[np.float32]:
        items, values = nearest(matrix, shrinkage=0)
        dense = torch.zeros(40, 40).scatter_(1, items.long(), values)
        return np.asarray(dense)

    alone = near(csr_array(content.T))
    np.testing.assert_allclose(near(with_content(none, content)), alone, rtol=1e-4, atol=1e-5)
    met = near(many)
    late = near(with_content(many, content))
    assert np.abs(late - met).mean() < 0.05 * np.abs(met).mean()


def test_vectors_of_few_users_lean_on_the_content() -> None:
    random = torch.Generator().manual_seed(0)
    met, known = torch.randn(30, 4, generator=random), torch.randn(30, 4, generator=random)

    def products(users: int) -> torch.Tensor:
        vectors = blended_vectors(met, known, users, seed=0)
        assert vectors.shape == (30, 4)
        return vectors @ vectors.T

    torch.testing.assert_close(products(0), known @ known.T, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(products(10**9), met @ met.T, atol=1e-2, rtol=1e-2)
