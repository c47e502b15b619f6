"""Load a shop's past into the log in bulk.

Old timestamps are welcome here: the retention guards the API, where an old event is a mistake.
Every event carries an id made of what it says, so an import that is repeated, or was cut short,
adds only what is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from app.domain import Entity, Event, Position
from app.errors import StorageUnavailable
from app.services.ingest import EventDraft, derived_event_id, rating_weight
from app.stores.event_log import EventLog
from app.stores.support import SupportStore

PAGE = 5_000
"""Events per commit: what is held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Imported:
    new: int = 0
    duplicates: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    """Reason -> number of events that the database would not take."""


def past_event(
    draft: EventDraft, weight: float, rating_range: tuple[float, float], now: int
) -> Event:
    """The event that `draft` tells of; one of unknown time is as old as the import (`now`, ms).

    `weight` is that of its type; a value is a rating and scales it.
    """
    if draft.value is not None:
        weight *= rating_weight(draft.value, rating_range)
    return Event(
        entity=draft.entity,
        event_id=derived_event_id(draft, now=0),
        item_id=draft.item_id,
        type=draft.type,
        weight=weight,
        timestamp=now if draft.timestamp is None else min(draft.timestamp, now),
        value=draft.value,
    )


async def import_history(
    log: EventLog,
    support: SupportStore | None,
    events: Iterable[Event],
    on_progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Append `events`; windows known to Redis are dropped, to be built anew when asked for.

    Without `support`, or if Redis stops answering, the log's own notes keep readers away from old
    windows until the service has swept them. `on_progress` receives the number of events done.

    Raises:
        StorageUnavailable: the database cannot be reached; call again to go on.
    """
    remaining = iter(events)
    done = new = 0
    refused: Counter[str] = Counter()
    while page := list(islice(remaining, PAGE)):
        appended = await log.append(page)
        done += len(page)
        new += sum(appended.new)
        refused.update(appended.failed.values())
        if support is not None and not await forget(log, support, appended.positions):
            support = None
        on_progress(done)
    return Imported(new, done - new - refused.total(), refused)


async def forget(
    log: EventLog, support: SupportStore, positions: Mapping[Entity, Position]
) -> bool:
    """Drop from Redis what is older than `positions`. Returns whether Redis answered: if not, the
    log's own notes keep readers away from it.
    """
    try:
        await support.invalidate(positions)
    except StorageUnavailable:
        return False
    log.mark_applied(positions)
    return True


async def has_event(log: EventLog, event: Event) -> bool:
    """Whether this very event is in the log."""
    page = await log.scan((str(event.entity), event.event_id[:-1]), 1)
    return [(found.entity, found.event_id) for found in page.events] == [
        (event.entity, event.event_id)
    ]
