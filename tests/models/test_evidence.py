import numpy as np
import pytest

from models.evidence import RESAMPLES, estimate, holm, p_value, resampled_means, verdict


def test_the_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(5, 2, (800, 1))
    means = resampled_means(values, seed=0)
    found = estimate(values[:, 0], means[:, 0])
    error = values.std() / np.sqrt(len(values))
    assert means.shape == (RESAMPLES, 1)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.1 * error)


def test_columns_are_resampled_together() -> None:
    """Two methods that differ by a constant differ by it in every resample."""
    values = np.random.default_rng(0).normal(size=(50, 1))
    means = resampled_means(np.concatenate([values, values + 1], axis=1), seed=0)
    assert means[:, 1] - means[:, 0] == pytest.approx(1.0)
    assert np.array_equal(means, resampled_means(np.concatenate([values, values + 1], 1), seed=0))


def test_missing_values_leave_their_column_only() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 4.0]])
    means = resampled_means(values, seed=0)
    assert estimate(values[:, 1], means[:, 1]).mean == 4
    assert estimate(values[:, 1], means[:, 1]).high == pytest.approx(4)
    assert estimate(values[:, 0], means[:, 0]).mean == 3
    nothing = np.full((3, 1), np.nan)
    assert np.isnan(estimate(nothing[:, 0], resampled_means(nothing, seed=0)[:, 0]).mean)


def test_p_values_are_uniform_when_nothing_differs() -> None:
    random = np.random.default_rng(1)
    found = [
        p_value(resampled_means(random.normal(size=(40, 1)), seed)[:, 0]) for seed in range(100)
    ]
    assert sum(p < 0.05 for p in found) <= 15
    assert 25 <= sum(p < 0.5 for p in found) <= 75


def test_holm_never_lowers_and_keeps_the_order() -> None:
    p_values = np.random.default_rng(0).random(30).tolist()
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert sorted(range(30), key=lambda i: (adjusted[i], p_values[i])) == sorted(
        range(30), key=lambda i: p_values[i]
    )
    assert min(adjusted) == pytest.approx(30 * min(p_values))
    assert max(adjusted) <= 1
    assert holm([]) == []


def test_a_verdict_needs_evidence() -> None:
    assert verdict(0.001, 0.02, 0.2, 0.5) == "not worse"
    assert verdict(-0.02, 0.02, 1.0, 0.5) == "open"
    assert verdict(0.0, 0.0, 1.0, 0.5) == "not worse"
