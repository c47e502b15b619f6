"""What suits an item: items that go with it, and people whom it would please."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Id, Strict
from app.api.list_options import limit
from app.api.security import allow
from app.domain import Scope
from app.services.audience import audience
from app.services.similar import similar

router = APIRouter(tags=["storefront"])


class SimilarItemOut(BaseModel):
    item_id: str
    score: float
    rank: int


class SimilarOut(BaseModel):
    item_id: str
    items: list[SimilarItemOut]
    weights_version: str
    catalogue_epoch: int


class AudienceIn(Strict):
    k: Annotated[int, Field(ge=1)] = 10
    candidate_user_ids: list[Id] | None = Field(
        None, description="rank only these; else the users who were active last"
    )


class AudienceMemberOut(BaseModel):
    user_id: str
    score: float = Field(description="log of the item's share of what interests this person")
    rank: int


class AudienceOut(BaseModel):
    item_id: str
    users: list[AudienceMemberOut]
    considered: int = Field(description="people who were looked at")
    sampled: bool = Field(description="whether they are the recently active, and not named")
    weights_version: str
    catalogue_epoch: int


AUDIENCE = TypeAdapter(AudienceIn)
EXAMPLES = {"three": {"k": 3}}


@router.get(
    "/v1/items/{item_id}/similar",
    summary="Items that go with one",
    dependencies=[allow(Scope.PUBLISHABLE, Scope.SERVER)],
)
async def get_similar(
    runtime: RuntimeDep, item_id: PathId, k: Annotated[int, Query(ge=1)] = 10
) -> SimilarOut:
    """What somebody would get of whom only an interest in that item is known."""
    limit("/k", k, runtime.settings.limits.k)
    found = await similar(runtime.parts, item_id, k)
    return SimilarOut(
        item_id=item_id,
        items=[
            SimilarItemOut(item_id=item.item_id, score=item.score, rank=rank)
            for rank, item in enumerate(found.items, 1)
        ],
        weights_version=found.version,
        catalogue_epoch=found.epoch,
    )


@router.post(
    "/v1/items/{item_id}/audience",
    summary="People whom an item would please",
    openapi_extra=body.describe(AudienceIn, EXAMPLES),
    dependencies=[allow(Scope.SERVER)],
)
async def post_audience(request: Request, runtime: RuntimeDep, item_id: PathId) -> AudienceOut:
    """Those who have met the item already are left out. Hidden items may be asked about too."""
    asked = body.check(AUDIENCE, await body.read(request))
    limits = runtime.settings.limits
    limit("/k", asked.k, limits.k)
    candidates = asked.candidate_user_ids
    limit("/candidate_user_ids", len(candidates or ()), limits.candidates, "users")
    found = await audience(runtime.parts, item_id, asked.k, candidates)
    return AudienceOut(
        item_id=item_id,
        users=[
            AudienceMemberOut(user_id=user_id, score=score, rank=rank)
            for rank, (user_id, score) in enumerate(found.people, 1)
        ],
        considered=found.considered,
        sampled=found.sampled,
        weights_version=found.weights_version,
        catalogue_epoch=found.epoch,
    )
