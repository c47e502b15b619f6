import pytest

from app.domain import Scope
from app.errors import TooManyRequests
from app.stores.request_rates import RequestRates

LONG = "year"
"""A window that does not end while a test runs."""


async def test_each_key_has_its_own_count() -> None:
    rates = RequestRates({Scope.PUBLISHABLE: f"2/{LONG}"})
    for key_id in ("a", "b"):
        for _ in range(2):
            await rates.take(Scope.PUBLISHABLE, key_id)
    for key_id in ("a", "b"):
        with pytest.raises(TooManyRequests, match="2 per 1 year") as told:
            await rates.take(Scope.PUBLISHABLE, key_id)
        assert 0 < told.value.retry_after_seconds <= 366 * 86_400
    await rates.take(Scope.PUBLISHABLE, "c")


async def test_scopes_without_a_rate_are_not_counted() -> None:
    rates = RequestRates({Scope.PUBLISHABLE: f"1/{LONG}"})
    for _ in range(100):
        await rates.take(Scope.SERVER, "a")
