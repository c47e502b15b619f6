"""Heal what a crash, or a Redis that failed, left between a commit and its window."""

import time

from app.stores.event_log import EventLog
from app.stores.support import SupportStore

GRACE_SECONDS = 2.0
"""Younger notes belong to requests that are still at work."""
SWEEP_LIMIT = 5_000


async def sweep(
    log: EventLog, support: SupportStore, *, grace_seconds: float = GRACE_SECONDS
) -> int:
    """Make Redis forget windows older than their notes say, then drop the notes.

    Readers build such a window from SQL anyway, so a tombstone is all that Redis needs.

    Returns:
        The number of entities swept.

    Raises:
        StorageUnavailable: SQL or Redis does not answer; nothing is lost, sweep again.
    """
    until = time.time_ns() // 1_000_000 - int(grace_seconds * 1000)
    leftovers = await log.pending(SWEEP_LIMIT, until=until)
    await support.forget(leftovers)
    log.mark_applied(leftovers)
    return len(leftovers)
