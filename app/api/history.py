"""What is kept of what one user did, as JSON lines."""

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.api.deps import PathId, RuntimeDep
from app.api.security import allow
from app.domain import Entity, Event, Namespace, Scope
from app.services.export_events import export_events

router = APIRouter(tags=["users"], dependencies=[allow(Scope.SERVER)])

LINES = "application/jsonl"
TOLD = ("event_id", "type", "item_id", "weight", "timestamp")
TOLD_IF_GIVEN = ("value", "request_id", "position", "context")


class JsonLines(StreamingResponse):
    media_type = LINES


@router.get(
    "/v1/users/{user_id}/events",
    summary="Everything a user did",
    response_class=JsonLines,
    responses={
        200: {
            "description": "One event a line, by event id; nothing for an unknown user.",
            "content": {LINES: {"schema": {"type": "string"}}},
        }
    },
)
async def get_events(runtime: RuntimeDep, user_id: PathId) -> JsonLines:
    """For the user to have, or to move elsewhere. Timestamps are milliseconds since 1970 UTC."""
    events = export_events(runtime.parts, Entity(Namespace.USER, user_id))
    first = await anext(events, None)  # a database that is down shows before the 200
    return JsonLines(_lines(first, events))


async def _lines(first: Event | None, others: AsyncIterator[Event]) -> AsyncIterator[str]:
    if first is not None:
        yield _line(first)
        async for event in others:
            yield _line(event)


def _line(event: Event) -> str:
    told: dict[str, Any] = {name: getattr(event, name) for name in TOLD}
    given = {name: getattr(event, name) for name in TOLD_IF_GIVEN}
    told |= {name: value for name, value in given.items() if value is not None}
    return json.dumps(told) + "\n"
