"""The memories: what items have to do with each other, and what that adds to the scores."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms import likeness, memory
from models.algorithms.likeness import Likeness, unit_rows, weighed
from models.algorithms.memory import (
    DAMPING,
    RIDGE,
    SHRINKAGE,
    Rows,
    foretold,
    nearest,
    regression,
)
from models.algorithms.ranking import MEMORIES
from models.algorithms.scoring import personalise
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


def dense(rows: Rows) -> Tensor:
    """[V, ITEMS]"""
    items, values = rows
    return torch.zeros(len(items), ITEMS).scatter_add(1, items.long(), values)


def plain_nearness(
    interactions: csr_array,
    width: int,
    profiles: csr_array | None = None,
    shrinkage: float = SHRINKAGE,
) -> NDArray[np.float64]:
    """The definition, row by row and pair by pair."""
    met = interactions.toarray()
    sources = met if profiles is None else profiles.toarray()
    near = np.zeros((sources.shape[1], ITEMS))
    for one in range(len(near)):
        for other in range(ITEMS):
            if profiles is not None or one != other:
                common = (sources[:, one] * met[:, other]).sum()
                norm = np.sqrt((sources[:, one] ** 2).sum() * met[:, other].sum()) + shrinkage
                near[one, other] = common / norm
        near[one, np.argsort(-near[one])[width:]] = 0
        near[one] /= np.sqrt(near[one].sum())
    scaled: NDArray[np.float64] = near / near[near > 0].std(ddof=1)
    return scaled


def plain_regression(interactions: csr_array, width: int) -> NDArray[np.float64]:
    """The definition, item by item; pairs that are not partners count as unrelated."""
    met = interactions.toarray()
    mean = met.mean(0)
    scaled = (met - mean) / np.sqrt(mean * (1 - mean) + DAMPING)
    related = scaled.T @ scaled / USERS
    alone = np.abs(related - np.diag(np.diag(related)))
    partners = [set(np.argsort(-alone[item])[:width].tolist()) for item in range(ITEMS)]
    said = np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS):
        own = sorted(partners[item])
        among = np.array(
            [
                [
                    related[a, b] if a == b or a in partners[b] or b in partners[a] else 0
                    for b in own
                ]
                for a in own
            ]
        )
        said[own, item] = np.linalg.solve(among + RIDGE * np.eye(width), related[own, item])
    return said


@pytest.mark.parametrize("shrinkage", [0, SHRINKAGE])
def test_nearness_is_what_its_definition_says(
    interactions: csr_array, monkeypatch: pytest.MonkeyPatch, shrinkage: float
) -> None:
    monkeypatch.setattr(memory, "NEIGHBOURS", 7)
    monkeypatch.setattr(memory, "_CELLS", 4 * ITEMS)  # several blocks
    rows, near = nearest(interactions, shrinkage=shrinkage)
    assert rows.shape == near.shape == (ITEMS, 7)
    expected = plain_nearness(interactions, 7, shrinkage=shrinkage)
    nearest_first = -np.sort(-expected, axis=1)[:, :7]
    np.testing.assert_allclose(near, nearest_first, rtol=1e-4, atol=1e-6)


def test_every_nearness_belongs_to_its_pair(interactions: csr_array) -> None:
    expected = plain_nearness(interactions, ITEMS)
    np.testing.assert_allclose(dense(nearest(interactions)), expected, rtol=1e-4, atol=1e-6)


def test_features_have_near_items_too(interactions: csr_array, profiles: csr_array) -> None:
    expected = plain_nearness(interactions, ITEMS, profiles)
    found = dense(nearest(interactions, profiles))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_strangers_have_no_neighbours() -> None:
    nobody: csr_array = csr_array(np.eye(5))
    for shrinkage in (0, SHRINKAGE):
        assert torch.equal(nearest(nobody, shrinkage=shrinkage)[1], torch.zeros(5, 5))


@pytest.mark.parametrize("width", [5, ITEMS - 1])
def test_the_regression_is_what_its_definition_says(
    interactions: csr_array, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(memory, "REGRESSORS", width)
    monkeypatch.setattr(memory, "_CELLS", 4 * ITEMS * width)  # several blocks
    expected = plain_regression(interactions, width)
    np.testing.assert_allclose(dense(regression(interactions)), expected, rtol=1e-3, atol=1e-5)


def test_the_regression_keeps_its_largest_values(
    interactions: csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dense(regression(interactions))
    monkeypatch.setattr(memory, "NEIGHBOURS", 6)
    rows = regression(interactions)
    assert rows[0].shape == (ITEMS, 6)
    sixth = whole.abs().topk(6, dim=1).values[:, 5:]
    torch.testing.assert_close(dense(rows), whole.where(whole.abs() >= sixth, 0))


@pytest.fixture(scope="module")
def slow(interactions: csr_array, profiles: csr_array) -> dict[str, Tensor]:
    ranker = algorithms.trainable("meta-sgd", RankerConfig(dimension=4, negatives=16))
    return ranker.initial(interactions, profiles, 0)


def scores(slow: dict[str, Tensor], given: Support) -> Tensor:
    return scores_of(algorithms.get("meta-sgd"), slow, given, Features.none(1))


def table(slow: dict[str, Tensor], name: str) -> Tensor:
    return dense((slow[f"{name}_items"], slow[f"{name}_values"]))


@pytest.mark.parametrize("name", [name for name in MEMORIES if name != "profile"])
def test_a_memory_adds_what_the_support_brings_to_mind(slow: dict[str, Tensor], name: str) -> None:
    given = Support(torch.tensor([[2, 5]]), torch.tensor([[1.0, 1.0]]))
    added = scores(with_tables(slow, {f"{name}_weight": 0.3}), given) - scores(slow, given)
    brought = table(slow, name)
    torch.testing.assert_close(added[0], 0.3 * (brought[2] + brought[5]) / 2**0.5)


def test_a_dislike_pushes_away_what_is_near(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[2], [2]]), torch.tensor([[1.0], [-1.0]]))
    weighed = with_tables(slow, {"cosine_weight": 0.3})
    algorithm, nobody = algorithms.get("meta-sgd"), Features.none(2)
    personal = personalise(algorithm, weighed, given, nobody)
    recollection = algorithm.recollect(weighed, personal, given, nobody)
    liked, disliked = recollection.scores
    torch.testing.assert_close(liked, -disliked)
    assert liked.max() > 0


def test_nothing_is_remembered_of_nothing(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[0, 0]]), torch.zeros(1, 2))
    weighed = with_tables(slow, {f"{name}_weight": 0.3 for name in MEMORIES} | {"gate": 1.0})
    assert torch.equal(scores(weighed, given), slow["popularity"][None])


def test_the_profile_adds_what_its_features_foretell(slow: dict[str, Tensor]) -> None:
    """As they are weighed, as far as the gate is open, whatever the shots."""
    given = Support(torch.tensor([[2, 5], [0, 0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    profile = Features(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[1.0, 0.5], [1.0, 0.0]]))
    algorithm = algorithms.get("meta-sgd")
    remembered = with_tables(slow, {"profile_weight": 0.4, "gate": 0.5})
    told = scores_of(algorithm, remembered, given, profile)
    untold = scores_of(algorithm, remembered, given, Features.none(2))
    counted = weighed(profile, slow["profile_scale"], slow["profile_power"]).values
    said = table(slow, "profile")
    expected = counted[0, 0] * said[0] + counted[0, 1] * said[1], said[1]
    torch.testing.assert_close(told - untold, 0.5 * 0.4 * torch.stack(expected))
    torch.testing.assert_close(counted.square().sum(1), torch.ones(2))


def test_features_foretell_by_regression(
    interactions: csr_array, profiles: csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Likeness.chosen(profiles, unit_rows(interactions), 0)
    (whole,) = chosen.regress()
    expected = whole / whole.std(ddof=1)
    np.testing.assert_allclose(dense(foretold(chosen)), expected, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(memory, "NEIGHBOURS", 4)
    monkeypatch.setattr(likeness, "_COLUMNS", 7)  # several blocks
    rows, values = foretold(chosen)
    assert rows.shape == (2, 4)
    largest = -np.sort(-np.abs(whole), axis=1)[:, :4]
    kept = whole[np.abs(whole) >= largest[:, 3:]]
    np.testing.assert_allclose(values.abs(), largest / kept.std(ddof=1), rtol=1e-4)
