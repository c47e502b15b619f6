import numpy as np
import polars as pl
import pytest

from models.features import Encoder
from tests.models.features.given import WORDS, dense, fitted, said


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
