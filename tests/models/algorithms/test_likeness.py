"""The ridge regression on features, against its equations; how its choices are made."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.algorithms import likeness
from models.algorithms.likeness import Likeness, Ridge, Weighing, unit_rows, weighed
from models.features import to_csr
from models.shapes import Features

ENTITIES, FEATURES, TARGETS = 240, 40, 25


@pytest.fixture(scope="module")
def features() -> csr_array:
    """One feature in ten, more or less of each."""
    random = np.random.default_rng(0)
    there = random.random((ENTITIES, FEATURES)) < 0.1
    known: csr_array = csr_array(there * random.choice([0.2, 1.0, -3.0], there.shape))
    return known


def targets_of(rows: csr_array, noise: float) -> csr_array:
    random = np.random.default_rng(1)
    told = rows @ random.standard_normal((FEATURES, TARGETS))
    found: csr_array = csr_array(told + noise * random.standard_normal(told.shape))
    return found


def plain_ridge(
    rows: NDArray[np.floating], right: NDArray[np.floating], penalty: float
) -> NDArray[np.floating]:
    gram = rows.T @ rows + penalty * np.eye(rows.shape[1])
    solution: NDArray[np.floating] = np.linalg.solve(gram, right)
    return solution


def test_rows_by_their_formula(features: csr_array) -> None:
    dense = features.toarray()
    rarity = np.log(ENTITIES / (dense != 0).sum(0)) ** 0.5
    expected = np.sign(dense) * np.abs(dense) ** 0.5 * rarity
    expected /= np.linalg.norm(expected, axis=1, keepdims=True).clip(1e-9)
    weighing = Weighing.of(features, power=0.5, rarity=0.5)
    np.testing.assert_allclose(weighing.rows(features).toarray(), expected, rtol=1e-5)


def test_served_rows_are_the_trained_ones(features: csr_array) -> None:
    padded = Features(torch.zeros(3, 9, dtype=torch.int64), torch.zeros(3, 9))
    for line in range(2):  # of the third nothing is known
        row = features[[line]]
        padded.columns[line, : row.nnz] = torch.from_numpy(row.indices.astype(np.int64))
        padded.values[line, : row.nnz] = torch.from_numpy(row.data)
    for power in (1.0, 0.0):
        weighing = Weighing.of(features, power, rarity=1.0)
        served = weighed(padded, torch.from_numpy(weighing.scale), torch.tensor(power))
        expected = weighing.rows(features[:2]).toarray()
        np.testing.assert_allclose(to_csr(served, FEATURES).toarray()[:2], expected, rtol=1e-5)
        assert torch.equal(served.values[2], torch.zeros(9))


@pytest.mark.parametrize("dense_features", [FEATURES, 0])
def test_the_equations_are_solved(
    features: csr_array, monkeypatch: pytest.MonkeyPatch, dense_features: int
) -> None:
    monkeypatch.setattr(likeness, "DENSE_FEATURES", dense_features)
    rows = unit_rows(features)
    right = np.random.default_rng(2).standard_normal((FEATURES, 6)).astype(np.float32)
    found = Ridge(rows, 3.0).solve(right)
    np.testing.assert_allclose(found, plain_ridge(rows.toarray(), right, 3.0), rtol=1e-2, atol=1e-4)


def test_the_regression_comes_in_parts(
    features: csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "_COLUMNS", 10)
    targets = targets_of(unit_rows(features), noise=0.1)
    chosen = Likeness.chosen(features, targets, 0)
    parts = list(chosen.regress())
    assert [part.shape for part in parts] == [(FEATURES, 10), (FEATURES, 10), (FEATURES, 5)]
    rows = chosen.weighing.rows(features).toarray()
    expected = plain_ridge(rows, rows.T @ targets.toarray(), chosen.penalty)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("power", "rarity"), [(1.0, 0.0), (0.0, 1.0)])
def test_features_count_as_they_foretell(features: csr_array, power: float, rarity: float) -> None:
    targets = targets_of(Weighing.of(features, power, rarity).rows(features), noise=0.01)
    chosen = Likeness.chosen(features, targets, 0)
    assert chosen.weighing.power == power
    assert chosen.penalty == min(likeness.PENALTIES)
    assert chosen.error < 0.2


def test_what_foretells_nothing_is_trusted_least(features: csr_array) -> None:
    noise: csr_array = csr_array(np.random.default_rng(3).standard_normal((ENTITIES, TARGETS)))
    chosen = Likeness.chosen(features, noise, 0)
    assert chosen.penalty == max(likeness.PENALTIES)
    assert chosen.error > 1


def test_of_many_entities_some_are_enough(
    features: csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "MOST_ENTITIES", 100)
    targets = targets_of(unit_rows(features), noise=0.1)
    chosen = Likeness.chosen(features, targets, 0)
    assert chosen.rows.shape == (100, FEATURES)
    assert chosen.targets.shape == (100, TARGETS)


@pytest.mark.parametrize(("entities", "known"), [(20, 0), (1, 3), (0, 3)])
def test_little_or_nothing_known_of_hardly_anybody(entities: int, known: int) -> None:
    chosen = Likeness.chosen(
        csr_array(np.ones((entities, known))), csr_array(np.ones((entities, 4))), 0
    )
    (map_,) = chosen.regress()
    assert map_.shape == (known, 4)
    assert np.isfinite(map_).all()
