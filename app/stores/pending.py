"""The freshness lease: when a reader may trust the copy in Redis.

A commit that moves an entity notes it in `pending_apply`; the note goes once Redis has followed.
Every process reads the notes every 200 ms. A reader trusts Redis only while its last reading is
younger than the lease and holds no note of the entity beyond the window it has. A writer whose
Redis failed waits for one lease before it acknowledges: by then every reader has seen the note, or
has lost its lease and asks SQL.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

from app.domain import Entity, Position
from app.errors import StorageUnavailable
from app.stores.event_log import EventLog

PENDING_LIMIT = 10_000
"""With more notes than this, nothing is trusted until they are fewer."""


class PendingWatch:
    def __init__(
        self,
        log: EventLog,
        *,
        poll_seconds: float = 0.2,
        lease_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._polled_at = float("-inf")
        self._crowded = False
        self._pending: Mapping[Entity, Position] = {}
        self._local: dict[Entity, tuple[Position, float]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.poll()
        self._poller = asyncio.create_task(self._keep_polling(), name="pending-watch")

    async def close(self) -> None:
        for task in (self._poller, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._poller = self._reading = None

    @property
    def rows(self) -> int:
        """How many notes the last reading found."""
        return len(self._pending)

    def is_fresh(self, entity: Entity, position: Position | None = None) -> bool:
        """Whether Redis may be trusted with this entity. `position` is that of the window found
        there: a note that it already covers does not matter.
        """
        if self._crowded or not self._holds:
            return False
        notes = [self._pending.get(entity), self._local.get(entity, (None, 0))[0]]
        return all(note is None or (position is not None and position >= note) for note in notes)

    @property
    def _holds(self) -> bool:
        return self._clock() - self._polled_at < self._lease_seconds

    async def renew(self) -> None:
        """Waits for a new reading where the last one is too old. One serves all who wait: a process
        that is late with its reading must not ask SQL for every window instead.
        """
        if self._holds:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self.poll(), name="pending-renewal")
        await asyncio.shield(self._reading)

    def add(self, positions: Mapping[Entity, Position]) -> None:
        """What this process knows of its own commits before the next poll shows it."""
        now = self._clock()
        self._local.update({entity: (at, now) for entity, at in positions.items()})

    async def wait_lease(self) -> None:
        """Returns when every process has either seen what was committed by now, or lost its
        lease.
        """
        await asyncio.sleep(self._lease_seconds)

    async def poll(self) -> None:
        """Reads the notes once; when SQL cannot be reached, the lease runs on towards its end."""
        asked_at = self._clock()
        try:
            pending = await self._log.pending(PENDING_LIMIT + 1)
        except StorageUnavailable:
            return
        self._polled_at = asked_at
        self._crowded = len(pending) > PENDING_LIMIT
        self._pending = pending
        self._local = {
            entity: (position, added_at)
            for entity, (position, added_at) in self._local.items()
            if added_at >= asked_at
        }

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.poll()
