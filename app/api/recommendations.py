"""POST /v1/recommendations and GET /v1/users/{user_id}/recommendations."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import to_json

from app.api import body
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Name, Person
from app.api.hot import HotRoute
from app.api.list_options import ListOptionsIn, limit
from app.api.security import Caller, allow, allow_person, forbid_naming_users
from app.domain import Arm, Entity, Mode, Namespace, Scope
from app.errors import Forbidden
from app.metrics import count_recommendation
from app.runtime import Runtime, now_ms
from app.services.question import Answer, AnsweredItem, Question
from app.services.recommend import recommend

router = APIRouter(tags=["storefront"])


class RecommendationsIn(Person, ListOptionsIn):
    """Whom to recommend to, and within which bounds. Without any id: what everyone gets."""

    explain: bool = Field(
        default=False, description="say which events each item is due to (server keys)"
    )
    cursor: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="empty: the first page of a list of up to 500; then `next_cursor`"
    )
    min_watermark: str | None = Field(
        None, max_length=4096, description="from POST /v1/events: reflect at least these events"
    )
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] | None = None


class GateOut(BaseModel):
    blend: float = Field(description="0: popularity itself, 1: all that is known and was learned")


class PersonalizationOut(BaseModel):
    mode: Mode
    arm: Arm = Field(description="holdout: always the prior, to tell what personal lists are worth")
    support: int = Field(description="how many items the inner loop learned from")
    steps: int = Field(description="inner-loop steps taken")
    weights_version: str
    gate: GateOut
    adapted_at: int | None = Field(description="milliseconds since 1970-01-01 UTC")
    cached: bool


class ReasonOut(BaseModel):
    item_id: str = Field(description="what the event was on")
    event_id: str | None
    contribution: float = Field(description="how much lower the score would be without it")


class RecommendedOut(BaseModel):
    item_id: str
    score: float
    rank: int
    source: str = Field(description="adapted, prior, popular, new, pinned or explored")
    properties: dict[str, Any]
    propensity: float | None = Field(None, description="of being drawn; with exploration only")
    reasons: list[ReasonOut] | None = Field(None, description="with `explain` only")


class RecommendationsOut(BaseModel):
    request_id: str = Field(description="to send back with events on these items")
    catalogue_epoch: int
    items: list[RecommendedOut]
    personalization: PersonalizationOut
    degraded: str | None = Field(description="why this may not be the best answer, if so")
    shortfall: str | None = Field(description="why there are fewer than k items, if so")
    next_cursor: str | None = Field(description="of the next page, if pages were asked for")
    seed: int | None = Field(None, description="that drew this list; with exploration only")


SCOPES = (Scope.PUBLISHABLE, Scope.SERVER)
QUESTION = TypeAdapter(RecommendationsIn)
EXAMPLES = {
    "guest": {"anonymous_id": "guest-7", "k": 10, "properties": ["title"]},
    "everyone": {"k": 10},
}


@router.post(
    "/v1/recommendations",
    response_model=RecommendationsOut,
    summary="Recommend items",
    openapi_extra=body.describe(RecommendationsIn, EXAMPLES),
)
async def post_recommendations(
    request: Request,
    runtime: RuntimeDep,
    caller: Annotated[Caller, allow_person(*SCOPES)],
) -> Response:
    """An unknown user is no error: the list is then what everyone gets."""
    asked = body.check(QUESTION, await body.read(request))
    forbid_naming_users(caller, asked.user_id)
    if asked.explain and caller.scope is Scope.PUBLISHABLE:
        raise Forbidden(caller.scope, "a server key to explain")
    question = replace(
        asked.question(asked.entity, runtime.settings.limits),
        explain=asked.explain,
        cursor=asked.cursor,
        min_watermark=asked.min_watermark,
        timeout_ms=asked.timeout_ms,
    )
    return await _answer(runtime, question)


HOT = HotRoute("/v1/recommendations", post_recommendations, SCOPES)


@router.get(
    "/v1/users/{user_id}/recommendations",
    response_model=RecommendationsOut,
    summary="Recommend items to a user",
    dependencies=[allow(Scope.SERVER)],
)
async def get_recommendations(
    runtime: RuntimeDep,
    user_id: PathId,
    k: Annotated[int, Query(ge=1)] = 10,
    properties: Annotated[
        list[Name] | None, Query(max_length=50, description="may be repeated")
    ] = None,
) -> Response:
    """The simple case of POST /v1/recommendations."""
    limit("/k", k, runtime.settings.limits.k)
    entity = Entity(Namespace.USER, user_id)
    question = Question(entity=entity, k=k, properties=tuple(properties or ()))
    return await _answer(runtime, question)


async def _answer(runtime: Runtime, question: Question) -> Response:
    answer = await recommend(runtime.parts, question, now_ms())
    count_answer(answer)
    content = to_json(outgoing(answer))
    timing = ", ".join(f"{step};dur={ms:.2f}" for step, ms in answer.timings.items())
    return Response(content, media_type="application/json", headers={"Server-Timing": timing})


def count_answer(answer: Answer) -> None:
    personal = answer.personalization
    count_recommendation(personal.mode, answer.degraded, personal.steps, cached=personal.cached)


def outgoing(answer: Answer) -> dict[str, object]:
    """What is sent of an answer: a `RecommendationsOut`, without the cost of checking our own."""
    personal = answer.personalization
    return {
        "request_id": answer.request_id,
        "catalogue_epoch": answer.catalogue_epoch,
        "items": [_item(item) for item in answer.items],
        "personalization": {
            "mode": personal.mode,
            "arm": personal.arm,
            "support": personal.support,
            "steps": personal.steps,
            "weights_version": personal.weights_version,
            "gate": {"blend": personal.gate_blend},
            "adapted_at": personal.adapted_at,
            "cached": personal.cached,
        },
        "degraded": answer.degraded,
        "shortfall": answer.shortfall,
        "next_cursor": answer.next_cursor,
        **({} if answer.seed is None else {"seed": answer.seed}),
    }


def _item(item: AnsweredItem) -> dict[str, object]:
    content: dict[str, object] = {
        "item_id": item.item_id,
        "score": item.score,
        "rank": item.rank,
        "source": item.source,
        "properties": dict(item.properties),
    }
    if item.propensity is not None:
        content["propensity"] = item.propensity
    if item.reasons is not None:
        content["reasons"] = [reason._asdict() for reason in item.reasons]
    return content
