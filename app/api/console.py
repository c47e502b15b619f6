"""The console: a page that acts with an admin key, and what it shows of one person or item.

The page itself holds no secret; the key is typed in and stays in the browser's sessionStorage.
"""

from asyncio import gather
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.assets import page_file
from app.api.deps import PathId, RuntimeDep
from app.api.recommendations import GateOut
from app.api.security import allow
from app.api.warmth import ItemWarmthOut, get_item_warmth
from app.domain import Entity, Mode, Namespace, Scope
from app.runtime import now_ms
from app.services.parts import Parts
from app.services.question import Answer, Question
from app.services.recommend import recommend
from app.services.warmth import user_warmth

LISTED = 10

router = APIRouter(include_in_schema=False)


class ReasonOut(BaseModel):
    item_id: str
    title: str
    contribution: float


class ListedOut(BaseModel):
    item_id: str
    title: str
    score: float
    source: str
    reasons: list[ReasonOut]


class PersonOut(BaseModel):
    mode: Mode
    support: int
    steps: int
    gate: GateOut
    distance: float
    weights_version: str
    items: list[ListedOut]
    degraded: str | None


class ItemOut(BaseModel):
    warmth: ItemWarmthOut
    properties: dict[str, Any]


@router.get("/console")
async def console() -> Response:
    return await page_file("console.html")


@router.get("/console/people/{namespace}/{person_id}", dependencies=[allow(Scope.ADMIN)])
async def person(runtime: RuntimeDep, namespace: Namespace, person_id: PathId) -> PersonOut:
    """How well somebody is known, and what is recommended why. Unknown is no error."""
    entity, parts = Entity(namespace, person_id), runtime.parts
    question = Question(entity=entity, k=LISTED, properties=("title",), explain=True)
    warmth, answer = await gather(user_warmth(parts, entity), recommend(parts, question, now_ms()))
    return PersonOut(
        mode=answer.personalization.mode,
        support=answer.personalization.support,
        steps=answer.personalization.steps,
        gate=GateOut(blend=answer.personalization.gate_blend),
        distance=round(warmth.distance, 6),
        weights_version=answer.personalization.weights_version,
        items=await _listed(parts, answer),
        degraded=answer.degraded or warmth.degraded,
    )


async def _listed(parts: Parts, answer: Answer) -> list[ListedOut]:
    due = {reason.item_id for item in answer.items for reason in item.reasons or ()}
    known = await parts.catalogue.properties(sorted(due), ("title",))
    return [
        ListedOut(
            item_id=item.item_id,
            title=str(item.properties.get("title", item.item_id)),
            score=item.score,
            source=item.source,
            reasons=[
                ReasonOut(
                    item_id=reason.item_id,
                    title=str(known.get(reason.item_id, {}).get("title", reason.item_id)),
                    contribution=reason.contribution,
                )
                for reason in item.reasons or ()
            ],
        )
        for item in answer.items
    ]


@router.get("/console/items/{item_id}", dependencies=[allow(Scope.ADMIN)])
async def item(runtime: RuntimeDep, item_id: PathId) -> ItemOut:
    """How well an item is known, and what is known of it."""
    warmth = await get_item_warmth(runtime, item_id)
    found = await runtime.parts.catalogue.get_item(item_id)
    return ItemOut(warmth=warmth, properties=dict(found.properties) if found else {})
