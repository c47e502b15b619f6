"""Settings that contradict themselves are refused at the start."""

import pytest
from pydantic import ValidationError

from app.settings import EventSettings, LimitSettings, Settings


@pytest.mark.parametrize("wrong", ["[5, 1]", "[3, 3]"])
def test_a_rating_range_ascends(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_EVENTS__RATING_RANGE", wrong)
    with pytest.raises(ValidationError, match="the lowest value before the highest"):
        Settings()


@pytest.mark.parametrize("rate", ["0/second", "1/fortnight", "many", "1", "-1/minute"])
def test_a_rate_is_a_count_and_a_time(rate: str) -> None:
    LimitSettings(requests_per_key={"server": "100/second"})
    with pytest.raises(ValidationError):
        LimitSettings(requests_per_key={"server": rate})


def test_a_rating_range_is_finite() -> None:
    with pytest.raises(ValidationError):
        EventSettings(rating_range=(0.0, float("inf")))
    assert EventSettings(rating_range=(0, 10)).rating_range == (0.0, 10.0)
