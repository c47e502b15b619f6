"""Short names for what the store tests start from."""

import threading

from app.domain import Entity, Event, Namespace, Window, window_of

SEEN = frozenset({"click", "cart"})
NOW = 1_700_000_000_000

ANN = Entity(Namespace.USER, "ann")
BOB = Entity(Namespace.USER, "bob")
GUEST = Entity(Namespace.ANON, "g{1}/☃")


def click(entity: Entity, number: int, item_id: str | None = None) -> Event:
    """The click number `number` of an entity, on an item of that number unless told."""
    return Event(
        entity=entity,
        event_id=f"e{number}",
        item_id=item_id or f"item-{number}",
        type="click",
        weight=0.5,
        timestamp=NOW + number,
    )


def window(*events: Event) -> Window:
    return window_of(events, SEEN)


def let_sqlite_threads_end() -> None:
    """Aiosqlite leaves the thread of a connection that could not be opened to end by itself; it
    must do so before the event loop does.
    """
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(timeout=10)
