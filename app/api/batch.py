"""POST /v1/recommendations/batch: lists for many users at once, such as for a newsletter."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, Request
from pydantic import TypeAdapter
from pydantic_core import to_json

from app.api import body
from app.api.deps import RuntimeDep
from app.api.fields import Id
from app.api.history import LINES, JsonLines
from app.api.list_options import ListOptionsIn, limit
from app.api.recommendations import RecommendationsOut, count_answer, outgoing
from app.api.security import allow
from app.domain import Entity, Namespace, Scope
from app.runtime import Runtime, now_ms
from app.services.question import Question
from app.services.recommend import check, recommend

router = APIRouter(tags=["storefront"], dependencies=[allow(Scope.SERVER)])

AT_ONCE = 64
"""Users asked for together: one device batch, and room for everybody else between two."""


class BatchIn(ListOptionsIn):
    """One question about many users."""

    user_ids: list[Id]


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
    check(runtime.parts, asked.question(None, limits))  # what cannot be answered is no stream
    questions = [
        asked.question(Entity(Namespace.USER, user_id), limits) for user_id in asked.user_ids
    ]
    return JsonLines(_lines(runtime, asked.user_ids, questions))


async def _lines(
    runtime: Runtime, user_ids: Sequence[str], questions: Sequence[Question]
) -> AsyncIterator[str]:
    place = 0
    for some in _parts(questions, AT_ONCE):
        answers = await asyncio.gather(*(recommend(runtime.parts, one, now_ms()) for one in some))
        for answer in answers:
            count_answer(answer)
            line = outgoing(answer) | {"user_id": user_ids[place]}
            place += 1
            yield to_json(line).decode() + "\n"


def _parts(questions: Sequence[Question], size: int) -> list[Sequence[Question]]:
    return [questions[start : start + size] for start in range(0, len(questions), size)]
