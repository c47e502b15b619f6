import json
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import DataError
from models.features import Encoder, load_embedding
from tests.models.features.given import FILMS, said


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
