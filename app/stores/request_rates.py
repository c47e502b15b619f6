"""How often each key may ask. Each process counts for itself: a count that all share would cost a
round trip for every request, and would fail with whatever keeps it.
"""

import time
from collections.abc import Mapping

from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.domain import Scope
from app.errors import TooManyRequests


class RequestRates:
    """Counts over a sliding window: what was asked in the last minute, not since the last full one.

    The window before counts by the share of it that is not over yet, as
    `limits.strategies.SlidingWindowCounterRateLimiter` approximates it.
    """

    def __init__(self, rates: Mapping[Scope, str]) -> None:
        """Of each scope, such as `100/second`; scopes without one are not counted."""
        self._rates = {scope: parse(rate) for scope, rate in rates.items()}
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def take(self, scope: Scope, key_id: str) -> None:
        """Counts one request of the key. Raises `TooManyRequests`."""
        rate = self._rates.get(scope)
        if rate is None or await self._limiter.hit(rate, key_id):
            return
        window = await self._limiter.get_window_stats(rate, key_id)
        raise TooManyRequests(str(rate), max(window.reset_time - time.time(), 0.0))
