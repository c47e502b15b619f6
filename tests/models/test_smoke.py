"""Meta-weights tell a few scores, and are refused where these no longer come out."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import torch

from models import algorithms, smoke
from models.catalogue import Catalogue
from models.cold_start import start
from models.errors import WeightsError
from models.weights import MetaWeights, load
from tests.generated import save_generated

ITEMS = pl.DataFrame({"item_id": [f"i{n}" for n in range(30)], "kind": ["a", "b", "c"] * 10})


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    saved = save_generated(tmp_path)
    told = smoke.smoke(algorithms.get(saved.manifest.algorithm), saved.slow)
    return replace(saved, manifest=replace(saved.manifest, smoke=told))


def test_what_was_saved_still_comes_out(tmp_path: Path) -> None:
    weights = load(tmp_path, start(Catalogue("shop", ITEMS), tmp_path).version)
    told = weights.manifest.smoke
    assert told is not None
    assert len(set(told["scores"])) > 1
    smoke.check(weights)


@pytest.mark.parametrize("table", ["gate", "reach", "item_biases", "item_vectors"])
def test_other_numbers_are_noticed(weights: MetaWeights, table: str) -> None:
    changed = {**weights.slow, table: weights.slow[table] * 0.5 + 0.1}
    with pytest.raises(WeightsError, match="differ"):
        smoke.check(replace(weights, slow=changed))


def test_what_is_no_number_is_noticed(weights: MetaWeights) -> None:
    changed = {**weights.slow, "item_biases": weights.slow["item_biases"] * torch.nan}
    with pytest.raises(WeightsError):
        smoke.check(replace(weights, slow=changed))


def test_older_weights_tell_nothing_and_pass(tmp_path: Path) -> None:
    smoke.check(save_generated(tmp_path))


def test_a_small_catalogue_tells_fewer_scores(weights: MetaWeights) -> None:
    algorithm = algorithms.get(weights.manifest.algorithm)
    told = smoke.smoke(algorithm, weights.slow)
    assert len(told["items"]) == smoke.ITEMS < len(weights.item_ids)
