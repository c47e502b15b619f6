"""Items that the demo's page makes up, and whom they would please."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from app.api.demo import only_in_demo
from app.api.deps import PathId, RuntimeDep
from app.api.items import StoredItemOut, put_item, remove_item
from app.api.suiting import AudienceMemberOut, post_audience
from app.errors import InvalidRequest

MADE_UP = "demo-"
"""How the ids of items begin that the page may put and delete: those of the shop are safe."""
TOLD = ("age", "occupation", "income")
"""What the page tells of people, where it is known."""

router = APIRouter(include_in_schema=False, dependencies=[Depends(only_in_demo)])


class PersonOut(AudienceMemberOut):
    properties: dict[str, Any]


class PeopleOut(BaseModel):
    users: list[PersonOut]


@router.put("/demo/items/{item_id}")
async def put_made_up(request: Request, runtime: RuntimeDep, item_id: PathId) -> StoredItemOut:
    """PUT /v1/items/{item_id}, of items that are made up."""
    _only_made_up(item_id)
    return await put_item(request, runtime, item_id)


@router.delete("/demo/items/{item_id}")
async def remove_made_up(runtime: RuntimeDep, item_id: PathId) -> StoredItemOut:
    """DELETE /v1/items/{item_id}, of items that are made up."""
    _only_made_up(item_id)
    return await remove_item(runtime, item_id)


@router.post("/demo/items/{item_id}/audience")
async def audience(request: Request, runtime: RuntimeDep, item_id: PathId) -> PeopleOut:
    """POST /v1/items/{item_id}/audience, with something about each of the people."""
    _only_made_up(item_id)
    found = await post_audience(request, runtime, item_id)
    people = []
    for member in found.users:
        user = await runtime.parts.catalogue.get_user(member.user_id)
        known = user.properties if user else {}
        told = {name: known[name] for name in TOLD if name in known}
        people.append(PersonOut(**member.model_dump(), properties=told))
    return PeopleOut(users=people)


def _only_made_up(item_id: str) -> None:
    if not item_id.startswith(MADE_UP):
        raise InvalidRequest("/item_id", f"an id that begins with {MADE_UP}")
