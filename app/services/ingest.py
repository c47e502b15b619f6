"""Take in events: judge each, make it durable, then let the windows know.

Acknowledged only after the SQL commit. Every step may be repeated: the log drops duplicates and a
window is replaced only by one that holds more, so a retry heals a crash between the steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import structlog

from app.domain import Entity, Event
from app.errors import StorageUnavailable
from app.services import watermark
from app.services.apply import apply
from app.services.impact import count_outcomes
from app.services.parts import Parts, Policy
from app.services.sync_catalogue import sync_catalogue
from app.stores.append import ERASED

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EventDraft:
    """What a caller says happened; shape already checked, meaning not yet."""

    type: str
    entity: Entity
    item_id: str
    event_id: str | None = None
    value: float | None = None
    timestamp: int | None = None
    request_id: str | None = None
    position: int | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    index: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Ingested:
    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    not_retry_safe: tuple[int, ...]
    """Indices of accepted events that a retry would count again: they had neither id nor time."""
    watermark: str | None


async def ingest(parts: Parts, drafts: Sequence[EventDraft], now: int) -> Ingested:
    """Record `drafts`; `now` in ms. Raises `StorageUnavailable` or `Overloaded` from the log."""
    verdicts = [judge(parts.policy, draft, now) for draft in drafts]
    places = [n for n, verdict in enumerate(verdicts) if isinstance(verdict, Event)]
    events = [verdict for verdict in verdicts if isinstance(verdict, Event)]
    rejected = [
        Rejected(n, *verdict)
        for n, verdict in enumerate(verdicts)
        if not isinstance(verdict, Event)
    ]
    if not events:
        return Ingested(0, 0, tuple(rejected), (), None)
    appended = await parts.log.append(events)
    rejected += [
        Rejected(places[n], "erased" if reason == ERASED else "not_storable", reason)
        for n, reason in appended.failed.items()
    ]
    await apply(parts, appended.positions, appended.writes(parts.policy.seen_types))
    count_outcomes(
        parts.signing_key.value,
        [event for event, is_new in zip(events, appended.new, strict=True) if is_new],
    )
    await _stub_unknown_items(parts, events, now)
    stored = [n for n in range(len(events)) if n not in appended.failed]
    return Ingested(
        accepted=sum(appended.new[n] for n in stored),
        duplicates=sum(not appended.new[n] for n in stored),
        rejected=tuple(sorted(rejected, key=lambda one: one.index)),
        not_retry_safe=tuple(
            places[n]
            for n in stored
            if drafts[places[n]].event_id is None and drafts[places[n]].timestamp is None
        ),
        watermark=watermark.encode(appended.positions),
    )


async def _stub_unknown_items(parts: Parts, events: Sequence[Event], now: int) -> None:
    snapshot = parts.engine.snapshot
    if not parts.policy.stub_items or snapshot is None:
        return
    unknown = {event.item_id for event in events if not snapshot.knows(event.item_id)}
    try:
        if unknown and await parts.catalogue.ensure_items(sorted(unknown)) is not None:
            await sync_catalogue(parts, now)
    except StorageUnavailable as error:  # the events are durable; their next one makes the stub
        log.warning("item_stubs_failed", items=len(unknown), reason=str(error))


def judge(policy: Policy, draft: EventDraft, now: int) -> Event | tuple[str, str]:
    """The event to record, or (code, detail) why not."""
    weight = policy.event_weights.get(draft.type)
    if weight is None:
        return "unknown_type", f"type: expected one of {', '.join(sorted(policy.event_weights))}"
    timestamp = now if draft.timestamp is None else draft.timestamp
    if timestamp > now + policy.future_ms:
        hours = policy.future_ms / 3_600_000
        return "in_the_future", f"timestamp: expected at most {hours:g} h ahead of now"
    if timestamp < now - policy.retention_ms:
        days = policy.retention_ms / 86_400_000
        return "too_old", f"timestamp: expected within the retention of {days:g} days"
    if draft.type == "rating":
        low, high = policy.rating_range
        if draft.value is None or not low <= draft.value <= high:
            return "bad_value", f"value: expected a rating from {low:g} to {high:g}"
        weight *= rating_weight(draft.value, policy.rating_range)
    return Event(
        entity=draft.entity,
        event_id=draft.event_id or derived_event_id(draft, now),
        item_id=draft.item_id,
        type=draft.type,
        weight=weight,
        timestamp=min(timestamp, now),
        value=draft.value,
        request_id=draft.request_id,
        position=draft.position,
        context=draft.context,
    )


def rating_weight(value: float, range_: tuple[float, float]) -> float:
    """A rating as a signed weight in [-1, 1]: the lowest three eighths of the range are negative.

    >>> [round(rating_weight(stars, (1, 5)), 2) for stars in (1, 2, 3, 4, 5)]
    [-0.6, -0.2, 0.2, 0.6, 1.0]
    """
    low, high = range_
    return ((value - low) / (high - low) - 0.375) / 0.625


def derived_event_id(draft: EventDraft, now: int) -> str:
    """The same for the same fact told twice, if the teller gave a time."""
    when = now if draft.timestamp is None else draft.timestamp
    fact = "\0".join((str(draft.entity), draft.item_id, draft.type, str(when)))
    return "derived:" + blake2b(fact.encode(), digest_size=16).hexdigest()
