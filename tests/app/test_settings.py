"""Settings that contradict themselves are refused at the start."""

import pytest
from pydantic import ValidationError

from app.settings import EventSettings, Settings


@pytest.mark.parametrize("wrong", ["[5, 1]", "[3, 3]"])
def test_a_rating_range_ascends(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_EVENTS__RATING_RANGE", wrong)
    with pytest.raises(ValidationError, match="the lowest value before the highest"):
        Settings()


def test_a_rating_range_is_finite() -> None:
    with pytest.raises(ValidationError):
        EventSettings(rating_range=(0.0, float("inf")))
    assert EventSettings(rating_range=(0, 10)).rating_range == (0.0, 10.0)
