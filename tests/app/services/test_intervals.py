"""Intervals, against figures from the papers and other programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.intervals import Interval, difference, rate


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_rates_have_the_intervals_of_newcombe_1998a(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert rate(successes, trials) == Interval(round(successes / trials, 4), low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 10), 0.6075, 1.0),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_differences_have_the_intervals_of_newcombe_1998b(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = difference(rate(*first), rate(*second))
    assert found is not None
    assert found.low == pytest.approx(low, abs=2e-4)
    assert found.high == pytest.approx(high, abs=2e-4)


def test_nothing_is_known_without_a_trial() -> None:
    assert rate(0, 0) is None
    assert difference(rate(1, 2), None) is None
    assert difference(None, rate(1, 2)) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_rate_lies_in_its_interval(trials: int, share: float) -> None:
    successes = round(trials * share)
    found = rate(successes, trials)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.integers(1, 1_000), st.integers(0, 1_000))
def test_successes_and_failures_mirror_each_other(trials: int, successes: int) -> None:
    successes = min(successes, trials)
    one, other = rate(successes, trials), rate(trials - successes, trials)
    assert one is not None
    assert other is not None
    assert one.low == pytest.approx(1 - other.high, abs=1e-4)
