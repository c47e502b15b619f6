"""How well people and items are known by now."""

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.deps import PathId, RuntimeDep
from app.api.recommendations import GateOut
from app.api.security import allow
from app.domain import Entity, Mode, Namespace, Scope
from app.services.warmth import item_warmth, user_warmth

router = APIRouter(dependencies=[allow(Scope.SERVER)])


class UserWarmthOut(BaseModel):
    user_id: str
    mode: Mode
    support: int = Field(description="how many items the inner loop learned from")
    gate: GateOut
    distance: float = Field(
        description="of the first 50 items from those of the same user without events, 0 to 1"
    )
    weights_version: str
    degraded: str | None


class ItemWarmthOut(BaseModel):
    item_id: str
    row: Literal["trained", "content"] = Field(
        description="learned from what people did, or made of the item's properties"
    )
    events: int = Field(description="positive events counted since it is in the catalogue")
    shown: bool = Field(description="whether it may be recommended now")
    weights_version: str


@router.get("/v1/users/{user_id}/warmth", summary="How well a user is known", tags=["users"])
async def get_user_warmth(runtime: RuntimeDep, user_id: PathId) -> UserWarmthOut:
    """An unknown user is no error: nothing is known of it yet."""
    warmth = await user_warmth(runtime.parts, Entity(Namespace.USER, user_id))
    return UserWarmthOut(
        user_id=user_id,
        mode=warmth.mode,
        support=warmth.support,
        gate=GateOut(blend=warmth.gate),
        distance=round(warmth.distance, 6),
        weights_version=warmth.weights_version,
        degraded=warmth.degraded,
    )


@router.get("/v1/items/{item_id}/warmth", summary="How well an item is known", tags=["catalogue"])
async def get_item_warmth(runtime: RuntimeDep, item_id: PathId) -> ItemWarmthOut:
    return ItemWarmthOut(item_id=item_id, **asdict(await item_warmth(runtime.parts, item_id)))
