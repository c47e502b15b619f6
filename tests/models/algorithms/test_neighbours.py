"""The memory: which items are near, how near, and what it adds to the scores."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms import neighbours
from models.algorithms.neighbours import SHRINKAGE, nearest_items
from models.config import RankerConfig
from models.shapes import Features, Support
from tests.models.algorithms.given import scores_of, with_tables

USERS, ITEMS = 200, 30


@pytest.fixture(scope="module")
def interactions() -> csr_array:
    random = np.random.default_rng(4)
    chances = np.linspace(0.4, 0.02, ITEMS)
    met: csr_array = csr_array((random.random((USERS, ITEMS)) < chances).astype(float))
    return met


@pytest.fixture(scope="module")
def profiles() -> csr_array:
    """Two features of unequal weight, of which most users have one."""
    random = np.random.default_rng(5)
    known: csr_array = csr_array(random.choice([0, 1, 0.5], size=(USERS, 2), p=[0.3, 0.4, 0.3]))
    return known


def dense_nearness(
    interactions: csr_array, width: int, profiles: csr_array | None = None
) -> NDArray[np.float64]:
    """The definition, row by row and pair by pair."""
    met = interactions.toarray()
    sources = met if profiles is None else profiles.toarray()
    near = np.zeros((sources.shape[1], ITEMS))
    for one in range(len(near)):
        for other in range(ITEMS):
            if profiles is not None or one != other:
                common = (sources[:, one] * met[:, other]).sum()
                norm = np.sqrt((sources[:, one] ** 2).sum() * met[:, other].sum()) + SHRINKAGE
                near[one, other] = common / norm
        near[one, np.argsort(-near[one])[width:]] = 0
        near[one] /= np.sqrt(near[one].sum())
    scaled: NDArray[np.float64] = near / near[near > 0].std()
    return scaled


def test_nearness_is_what_its_definition_says(
    interactions: csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "NEIGHBOURS", 7)
    monkeypatch.setattr(neighbours, "_CELLS", 4 * ITEMS)  # several blocks
    rows, near = nearest_items(interactions)
    assert rows.shape == near.shape == (ITEMS, 7)
    nearest_first = -np.sort(-dense_nearness(interactions, 7), axis=1)[:, :7]
    np.testing.assert_allclose(near, nearest_first, rtol=1e-4, atol=1e-6)


def test_every_nearness_belongs_to_its_pair(interactions: csr_array) -> None:
    rows, near = nearest_items(interactions)
    dense = torch.zeros(ITEMS, ITEMS).scatter_add(1, rows.long(), near)
    np.testing.assert_allclose(dense, dense_nearness(interactions, ITEMS), rtol=1e-4, atol=1e-6)


def test_features_have_near_items_too(interactions: csr_array, profiles: csr_array) -> None:
    rows, near = nearest_items(interactions, profiles)
    dense = torch.zeros(2, ITEMS).scatter_add(1, rows.long(), near)
    expected = dense_nearness(interactions, ITEMS, profiles)
    np.testing.assert_allclose(dense, expected, rtol=1e-4, atol=1e-6)


def test_strangers_have_no_neighbours() -> None:
    nobody: csr_array = csr_array(np.eye(5))
    _, near = nearest_items(nobody)
    assert torch.equal(near, torch.zeros(5, 5))


@pytest.fixture(scope="module")
def slow(interactions: csr_array, profiles: csr_array) -> dict[str, Tensor]:
    ranker = algorithms.trainable("meta-sgd", RankerConfig(dimension=4, negatives=16))
    start = ranker.initial(interactions, profiles, 0)
    return start | {"memory": torch.full((51,), 0.3)}


def scores(slow: dict[str, Tensor], given: Support) -> Tensor:
    return scores_of(algorithms.get("meta-sgd"), slow, given, Features.none(1))


def test_the_memory_adds_the_nearness_of_the_support(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[2, 5]]), torch.tensor([[1.0, 1.0]]))
    dense = torch.zeros(ITEMS, ITEMS).scatter_add(1, slow["near_items"].long(), slow["nearness"])
    added = scores(slow, given) - scores(slow | {"memory": torch.zeros(51)}, given)
    torch.testing.assert_close(added[0], 0.3 * (dense[2] + dense[5]) / 2**0.5)


def test_a_dislike_pushes_away_what_is_near(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[2], [2]]), torch.tensor([[1.0], [-1.0]]))
    liked, disliked = algorithms.get("meta-sgd").recollect(slow, given, Features.none(2)).scores
    torch.testing.assert_close(liked, -disliked)
    assert liked.max() > 0


def test_nothing_is_remembered_of_nothing(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[0, 0]]), torch.zeros(1, 2))
    assert torch.equal(scores(slow, given), slow["popularity"][None])


def test_padding_brings_nothing_to_mind(slow: dict[str, Tensor]) -> None:
    short = Support(torch.tensor([[2]]), torch.tensor([[1.0]]))
    padded = Support(torch.tensor([[2, 0, 0]]), torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(scores(slow, short), scores(slow, padded))


def test_the_profile_adds_the_nearness_of_its_features(slow: dict[str, Tensor]) -> None:
    """By their values, as far as the gate is open, whatever the shots."""
    given = Support(torch.tensor([[2, 5], [0, 0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    profile = Features(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[1.0, 0.5], [1.0, 0.0]]))
    algorithm = algorithms.get("meta-sgd")
    remembered = with_tables(slow, {"profile_memory": 0.4, "gate": 0.5})
    told = scores_of(algorithm, remembered, given, profile)
    untold = scores_of(algorithm, remembered, given, Features.none(2))
    near, nearness = slow["profile_items"].long(), slow["profile_nearness"]
    dense = torch.zeros(2, ITEMS).scatter_add(1, near, nearness)
    expected = 0.5 * 0.4 * torch.stack([dense[0] + 0.5 * dense[1], dense[1]])
    torch.testing.assert_close(told - untold, expected)
