"""Meta-weights of a catalogue alone: neutral until something happens, then by content."""

from pathlib import Path

import polars as pl
import pytest
import torch
from torch import Tensor

from models import algorithms
from models.algorithms.scoring import score_items
from models.catalogue import Catalogue
from models.cold_start import EVENTS_OF_A_USER, start
from models.encoders import Encoders
from models.shapes import Features, Support
from models.weights import MetaWeights, load
from tests.generated import save_generated

KINDS = ["red", "green", "blue", "grey"]
ITEMS = pl.DataFrame({"item_id": [f"i{n:02d}" for n in range(40)], "kind": KINDS * 10})
USERS = pl.DataFrame({"user_id": list("abcdef"), "kind": ["red", "blue"] * 3})


def started(out: Path, catalogue: Catalogue, inherited: MetaWeights | None = None) -> MetaWeights:
    return load(out, start(catalogue, out, inherited).version)


def scores(weights: MetaWeights, *liked: int, profile: Features | None = None) -> Tensor:
    algorithm = algorithms.get(weights.manifest.algorithm)
    items = torch.tensor([liked or (0,)])
    support = Support(items, torch.full(items.shape, 1.0 if liked else 0.0))
    rows = algorithm.item_rows(weights.slow)
    known = profile or Features.none(1)
    return score_items(algorithm, weights.slow, rows, support, known)[0]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> MetaWeights:
    return started(tmp_path_factory.mktemp("start"), Catalogue("shop", ITEMS))


def test_a_stranger_finds_all_items_equal(weights: MetaWeights) -> None:
    assert weights.item_ids == tuple(ITEMS["item_id"])
    found = scores(weights)
    assert (found == found[0]).all()


def test_all_items_together_are_as_popular_as_a_user_is_expected_to_be_busy(
    weights: MetaWeights,
) -> None:
    total = float(weights.slow["popularity"].exp().sum())
    assert total == pytest.approx(min(EVENTS_OF_A_USER, 40 / 2), rel=1e-5)


@pytest.mark.parametrize("liked", [0, 1, 2, 3])
def test_one_click_moves_alike_items_to_the_top(weights: MetaWeights, liked: int) -> None:
    found = scores(weights, liked)
    found[liked] = -torch.inf
    best = found.topk(9).indices
    assert {int(item) % 4 for item in best} == {liked % 4}


def test_the_manifest_says_that_nobody_taught_it(weights: MetaWeights) -> None:
    manifest = weights.manifest
    assert manifest.data["interactions"] == manifest.data["users"] == 0
    assert manifest.data["items"] == manifest.items == 40
    assert manifest.split["train"] == 0
    assert manifest.transferred_from is None
    assert manifest.gate[0] == 0
    assert manifest.gate[1] == 1


def test_the_same_catalogue_gives_the_same_version(tmp_path: Path, weights: MetaWeights) -> None:
    again = started(tmp_path, Catalogue("shop", ITEMS))
    assert again.version == weights.version
    changed = ITEMS.with_columns(kind=pl.Series(KINDS[::-1] * 10))
    other = started(tmp_path, Catalogue("shop", changed))
    assert other.manifest.data["fingerprint"] != again.manifest.data["fingerprint"]


def test_ids_alone_leave_everything_equal(tmp_path: Path) -> None:
    found = scores(started(tmp_path, Catalogue("shop", ITEMS.select("item_id"))), 3)
    assert (found == found[0]).all()


def test_one_item_is_a_catalogue(tmp_path: Path) -> None:
    assert len(scores(started(tmp_path, Catalogue("shop", ITEMS[:1])), 0)) == 1


def test_what_people_say_of_themselves_counts_where_items_say_the_same(tmp_path: Path) -> None:
    wanting = started(tmp_path, Catalogue("shop", ITEMS, USERS))
    people = Encoders.from_json(wanting.manifest.features).users
    profile = people.encode([{"kind": "blue"}])
    assert wanting.manifest.gate[0] == 1
    found = scores(wanting, profile=profile)
    blue = torch.arange(40) % 4 == 2
    assert found[blue].min() > found[~blue].max()


def test_an_item_that_comes_later_is_like_those_it_is_known_to_be_like(
    weights: MetaWeights,
) -> None:
    algorithm = algorithms.get(weights.manifest.algorithm)
    newer = Encoders.from_json(weights.manifest.features).items.encode(
        [{"kind": "green"}, {"kind": "grey"}, {}]
    )
    rows, kin = algorithm.content_rows(weights.slow, newer), algorithm.kin(weights.slow, newer)
    trained = algorithm.item_rows(weights.slow)
    torch.testing.assert_close(rows[:2], trained[[1, 3]], atol=1e-4, rtol=1e-3)
    assert {int(item) % 4 for item in kin.items[0][kin.shares[0] > 0]} == {1}
    assert kin.shares.sum(1).tolist() == pytest.approx([1, 1, 0])


def test_the_inner_loop_of_another_domain_is_taken_over(tmp_path: Path) -> None:
    other = save_generated(tmp_path)
    moved = started(tmp_path, Catalogue("shop", ITEMS), other)
    assert moved.manifest.transferred_from == other.version
    assert (moved.slow["steps"] == 1).all()
    assert moved.slow["steps"].shape == (2, moved.slow["item_vectors"].shape[1])
