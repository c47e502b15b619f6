"""Forget what people did longer ago than the retention."""

import asyncio

from app.metrics import count_purged
from app.services.apply import apply
from app.services.parts import Parts

GRACE_MS = 3_600_000
"""An event that was just young enough when it was judged is stored by then, and a retry of it has
been recognised.
"""
PAUSE_SECONDS = 0.1
"""Between two batches, so that events do not wait for both."""


async def purge(parts: Parts, now: int) -> int:
    """Deletes all events that have grown too old; `now` in ms. Stops between two batches at will.

    Whoever did them is then as if they had never been: windows are built anew from what is left.

    Returns:
        How many there were.

    Raises:
        StorageUnavailable: go on later.
    """
    until = now - parts.policy.retention_ms - GRACE_MS
    events = 0
    while True:
        purged = await parts.retention.purge(until)
        await apply(parts, purged.positions)
        count_purged(purged.events)
        events += purged.events
        if purged.done:
            return events
        await asyncio.sleep(PAUSE_SECONDS)
