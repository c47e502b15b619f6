"""POST /v1/recommendations/preview: what if somebody did this?"""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.deps import RuntimeDep
from app.api.fields import Id, Name, Properties, Strict, Timestamp
from app.api.recommendations import GateOut
from app.api.security import allow
from app.domain import SUPPORT_LIMIT, Entity, Mode, Namespace, Scope
from app.engine.request import Ranked
from app.errors import InvalidRequest
from app.runtime import now_ms
from app.services.ingest import EventDraft
from app.services.preview import preview

router = APIRouter(tags=["storefront"], dependencies=[allow(Scope.SERVER)])

SOMEBODY = Entity(Namespace.ANON, "somebody")


class SupposedEventIn(Strict):
    type: Name
    item_id: Id
    value: float | None = Field(None, description="the stars of a `rating`")
    timestamp: Timestamp | None = None


class PreviewIn(Strict):
    """Somebody made up: what is known of them, and what they did."""

    user: Properties = Field(default_factory=dict, description="properties, as of PUT /v1/users")
    events: list[SupposedEventIn] = Field(default_factory=list, max_length=SUPPORT_LIMIT)
    k: Annotated[int, Field(ge=1)] = 10


class PreviewedItemOut(BaseModel):
    item_id: str
    score: float
    rank: int


class MoveOut(BaseModel):
    item_id: str
    before: int | None = Field(description="rank without the events, if it was in the list")
    after: int | None = Field(description="rank with the events, if it is in the list")


class PreviewOut(BaseModel):
    before: list[PreviewedItemOut]
    after: list[PreviewedItemOut]
    moved: list[MoveOut]
    distance: float = Field(description="between the lists: 0 the same, 1 nothing in common")
    mode: Mode = Field(description="how the second list was made")
    support: int
    steps: int
    gate: GateOut
    weights_version: str
    catalogue_epoch: int


PREVIEW = TypeAdapter(PreviewIn)
EXAMPLES = {"one like": {"events": [{"type": "like", "item_id": "183"}], "k": 5}}


@router.post(
    "/v1/recommendations/preview",
    summary="Lists before and after supposed events",
    openapi_extra=body.describe(PreviewIn, EXAMPLES),
)
async def post_preview(request: Request, runtime: RuntimeDep) -> PreviewOut:
    """Nothing is stored. Items of the second list exclude those that the events have seen."""
    asked = body.check(PREVIEW, await body.read(request))
    if asked.k > runtime.settings.limits.k:
        raise InvalidRequest("/k", f"at most {runtime.settings.limits.k:,}")
    drafts = [
        EventDraft(one.type, SOMEBODY, one.item_id, value=one.value, timestamp=one.timestamp)
        for one in asked.events
    ]
    found = await preview(runtime.parts, asked.user, drafts, asked.k, now_ms())
    return PreviewOut(
        before=_items(found.before),
        after=_items(found.after),
        moved=[
            MoveOut(item_id=move.item_id, before=move.before, after=move.after)
            for move in found.moved
        ],
        distance=round(found.distance, 6),
        mode=found.after.mode,
        support=found.after.support,
        steps=found.after.steps,
        gate=GateOut(blend=found.after.gate),
        weights_version=found.after.version,
        catalogue_epoch=found.after.epoch,
    )


def _items(ranked: Ranked) -> list[PreviewedItemOut]:
    return [
        PreviewedItemOut(item_id=item.item_id, score=item.score, rank=rank)
        for rank, item in enumerate(ranked.items, 1)
    ]
