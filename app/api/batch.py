"""POST /v1/recommendations/batch: lists for many users at once, such as for a newsletter."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter
from pydantic_core import to_json

from app.api import body
from app.api.deps import RuntimeDep
from app.api.fields import Id, Name, Strict
from app.api.history import LINES, JsonLines
from app.api.recommendations import RecommendationsOut, count_answer, limit, outgoing
from app.api.security import allow
from app.domain import Entity, Namespace, Scope
from app.runtime import Runtime, now_ms
from app.services.question import Question
from app.services.recommend import recommend

router = APIRouter(tags=["storefront"], dependencies=[allow(Scope.SERVER)])

AT_ONCE = 64
"""Users asked for together: one device batch, and room for everybody else between two."""


class BatchIn(Strict):
    """One question about many users."""

    user_ids: list[Id]
    k: Annotated[int, Field(ge=1)] = 10
    exclude_item_ids: list[Id] = Field(default_factory=list)
    candidate_item_ids: list[Id] | None = Field(None, description="rank only these")
    include_seen: bool = False
    properties: list[Name] = Field(default_factory=list, max_length=50)


class BatchedOut(RecommendationsOut):
    """A line of the answer."""

    user_id: str


BATCH = TypeAdapter(BatchIn)
EXAMPLES = {"newsletter": {"user_ids": ["41", "42"], "k": 3}}


@router.post(
    "/v1/recommendations/batch",
    summary="Recommend items to many users",
    response_class=JsonLines,
    responses={
        200: {
            "model": BatchedOut,
            "description": "A line for each user, in the order that was asked.",
            "content": {LINES: {"schema": {"$ref": "#/components/schemas/BatchedOut"}}},
        }
    },
    openapi_extra=body.describe(BatchIn, EXAMPLES),
)
async def post_batch(request: Request, runtime: RuntimeDep) -> JsonLines:
    """Each line means what POST /v1/recommendations would answer, and names its user."""
    asked = body.check(BATCH, await body.read(request))
    limits = runtime.settings.limits
    limit("/user_ids", len(asked.user_ids), limits.bulk, "users")
    limit("/k", asked.k, limits.k)
    limit("/exclude_item_ids", len(asked.exclude_item_ids), limits.exclusions, "items")
    candidates = asked.candidate_item_ids
    limit("/candidate_item_ids", len(candidates or ()), limits.candidates, "items")
    runtime.parts.engine.pinned()  # what cannot be answered at all is no stream
    questions = [
        Question(
            entity=Entity(Namespace.USER, user_id),
            k=asked.k,
            exclude=frozenset(asked.exclude_item_ids),
            candidates=None if candidates is None else frozenset(candidates),
            include_seen=asked.include_seen,
            properties=tuple(asked.properties),
        )
        for user_id in asked.user_ids
    ]
    return JsonLines(_lines(runtime, asked.user_ids, questions, request.scope["thaw.request_id"]))


async def _lines(
    runtime: Runtime, user_ids: Sequence[str], questions: Sequence[Question], request_id: str
) -> AsyncIterator[str]:
    place = 0
    for some in _parts(questions, AT_ONCE):
        answers = await asyncio.gather(*(recommend(runtime.parts, one, now_ms()) for one in some))
        for answer in answers:
            count_answer(answer)
            line = outgoing(f"{request_id}.{place}", answer) | {"user_id": user_ids[place]}
            place += 1
            yield to_json(line).decode() + "\n"


def _parts(questions: Sequence[Question], size: int) -> list[Sequence[Question]]:
    return [questions[start : start + size] for start in range(0, len(questions), size)]
