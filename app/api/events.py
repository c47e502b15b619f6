"""POST /v1/events: each event is judged on its own."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from app.api import body
from app.api.bulk import RejectedOut, read_each
from app.api.deps import RuntimeDep
from app.api.fields import EventId, Id, Name, Person, Properties, Strict, Timestamp
from app.api.hot import HotRoute
from app.api.security import Caller, allow_beacon, forbid_naming_users
from app.domain import Scope
from app.errors import Forbidden
from app.metrics import count_events
from app.runtime import now_ms
from app.services.ingest import EventDraft, Rejected, ingest

router = APIRouter(tags=["storefront"])


class EventIn(Person):
    """One thing that a user or a guest did to an item."""

    type: Name = Field(description="`view`, `click`, `like`, `purchase` ... as configured")
    item_id: Id
    event_id: EventId | None = Field(
        None, description="makes retries safe: the same id counts once"
    )
    value: float | None = Field(None, description="the stars of a `rating`")
    timestamp: Timestamp | None = Field(None, description="when it happened; default: now")
    request_id: Name | None = Field(None, description="of the answer that showed the item")
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    context: Properties | None = None


class EventsIn(Strict):
    events: list[EventIn]


class EventsOut(BaseModel):
    accepted: int
    duplicates: int
    rejected: list[RejectedOut]
    not_retry_safe: list[int] = Field(
        description="indices of events with neither event_id nor timestamp"
    )
    watermark: str | None = Field(
        description="send it as min_watermark to read at least this far from any replica"
    )


SCOPES = (Scope.PUBLISHABLE, Scope.SERVER)
EXAMPLES = {
    "click": {
        "events": [{"event_id": "e-1", "type": "click", "anonymous_id": "guest-7", "item_id": "50"}]
    }
}


@router.post(
    "/v1/events",
    status_code=202,
    response_model=EventsOut,
    summary="Record events",
    openapi_extra=body.describe(EventsIn, EXAMPLES, body.BEACON_TYPES),
)
async def post_events(
    request: Request,
    runtime: RuntimeDep,
    caller: Annotated[Caller, allow_beacon(*SCOPES)],
) -> JSONResponse:
    """Answers once events are durable. Bad ones are listed in `rejected`; the others count."""
    raw = await body.read(request, body.BEACON_TYPES)
    batch = _read(raw, runtime.settings.limits.events_per_request)
    verdicts = [_judge(place, event, caller) for place, event in enumerate(batch)]
    places = [n for n, verdict in enumerate(verdicts) if isinstance(verdict, EventDraft)]
    drafts = [verdict for verdict in verdicts if isinstance(verdict, EventDraft)]
    ingested = await ingest(runtime.parts, drafts, now_ms())
    rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    rejected += [replace(one, index=places[one.index]) for one in ingested.rejected]
    rejected.sort(key=lambda one: one.index)
    count_events(recorded=ingested.accepted, duplicate=ingested.duplicates, rejected=len(rejected))
    return JSONResponse(
        {
            "accepted": ingested.accepted,
            "duplicates": ingested.duplicates,
            "rejected": [asdict(one) for one in rejected],
            "not_retry_safe": [places[n] for n in ingested.not_retry_safe],
            "watermark": ingested.watermark,
        },
        202,
    )


HOT = HotRoute("/v1/events", post_events, SCOPES, beacon=True)


def _read(raw: bytes, limit: int) -> Sequence[EventIn | str]:
    """In one go where all are good, as they mostly are; else each on its own."""
    try:
        events = EventsIn.model_validate_json(raw).events
    except ValidationError:
        return read_each(raw, "events", EventIn, limit)
    return events if len(events) <= limit else read_each(raw, "events", EventIn, limit)


def _judge(place: int, event: EventIn | str, caller: Caller) -> EventDraft | Rejected:
    if isinstance(event, str):
        return Rejected(place, "invalid", event)
    if event.entity is None:
        return Rejected(place, "invalid", "user_id: expected this or anonymous_id")
    try:
        forbid_naming_users(caller, event.user_id)
    except Forbidden as error:
        return Rejected(place, "forbidden", f"user_id: {error}")
    return EventDraft(
        type=event.type,
        entity=event.entity,
        item_id=event.item_id,
        event_id=event.event_id,
        value=event.value,
        timestamp=event.timestamp,
        request_id=event.request_id,
        position=event.position,
        context=event.context,
    )
