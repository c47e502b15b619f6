"""What the demo's page may do beyond a publishable key, only where the settings ask for the demo.

A page is public, so it never holds a server key. Instead each of these routes opens one thing that
such a key may do, and no more: explain the list of a guest, suppose events, search titles.
"""

import json
from asyncio import to_thread
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from app.api import body
from app.api.deps import RuntimeDep
from app.api.preview import PreviewOut, post_preview
from app.api.recommendations import QUESTION, post_recommendations
from app.api.security import Caller, forbid_naming_users
from app.domain import Scope
from app.errors import NotFound


async def only_in_demo(runtime: RuntimeDep) -> None:
    if not runtime.settings.demo:
        raise NotFound("page", "demo")


router = APIRouter(include_in_schema=False, dependencies=[Depends(only_in_demo)])


class ShopOut(BaseModel):
    name: str
    key: str
    empty_shop: bool


class FoundOut(BaseModel):
    item_id: str
    properties: dict[str, Any]


@router.get("/demo/shop")
async def shop(request: Request, runtime: RuntimeDep) -> ShopOut:
    """What is sold here, and the publishable key, which is public by nature."""
    path = runtime.settings.state / "dev-keys.json"
    if not path.exists():
        raise NotFound("file", path.name)
    key = json.loads(await to_thread(path.read_text))["publishable"]
    beside = request.app.state.empty_shop
    return ShopOut(name=runtime.settings.demo_shop, key=key, empty_shop=beside)


@router.get("/demo/titles")
async def titles(
    request: Request, runtime: RuntimeDep, q: Annotated[str, Query(max_length=100)] = ""
) -> list[FoundOut]:
    """Items whose title holds every word of `q`."""
    found = await request.app.state.titles.search(runtime.parts, q, limit=6)
    return [FoundOut(item_id=item_id, properties=dict(known)) for item_id, known in found]


@router.post("/demo/recommendations")
async def recommendations(request: Request, runtime: RuntimeDep) -> Response:
    """POST /v1/recommendations for guests, with reasons where asked for."""
    asked = body.check(QUESTION, await body.read(request))
    forbid_naming_users(Caller(Scope.PUBLISHABLE), asked.user_id)
    return await post_recommendations(request, runtime, Caller(Scope.SERVER))


@router.post("/demo/preview")
async def preview(request: Request, runtime: RuntimeDep) -> PreviewOut:
    """POST /v1/recommendations/preview: of somebody made up, and nothing is stored."""
    return await post_preview(request, runtime)
