"""The catalogue: items with their properties and when they may be shown."""

from typing import Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter, model_validator

from app.api import body
from app.api.bulk import BulkOut, read_bulk
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Id, Properties, Strict, Timestamp, expected
from app.api.security import allow
from app.domain import Item, Scope, patched
from app.errors import InvalidRequest, NotFound
from app.runtime import Runtime, now_ms
from app.services.change_items import change_item, delete_item
from app.services.laggards import find_laggards
from app.services.put_items import put_items

router = APIRouter(tags=["catalogue"], dependencies=[allow(Scope.SERVER)])


class ItemIn(Strict):
    properties: Properties = Field(default_factory=dict)
    hidden: bool = Field(
        default=False, description="true: never recommended, from the next call on"
    )
    available_from: Timestamp | None = None
    available_until: Timestamp | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = self.available_from, self.available_until
        if start is not None and end is not None and start >= end:
            raise expected("available_from before available_until")
        return self

    def item(self, item_id: str) -> Item:
        return Item(
            item_id, self.properties, self.hidden, self.available_from, self.available_until
        )


class ItemPatch(Strict):
    properties: Properties = Field(
        default_factory=dict, description="those to set; null takes one away"
    )
    hidden: bool | None = None
    available_from: Timestamp | None = None
    available_until: Timestamp | None = None

    def after(self, item: Item) -> Item:
        """`item` once this has been done to it. Raises `InvalidRequest`."""
        told = self.model_fields_set
        changed = Item(
            item.item_id,
            patched(item.properties, self.properties),
            item.hidden if self.hidden is None else self.hidden,
            self.available_from if "available_from" in told else item.available_from,
            self.available_until if "available_until" in told else item.available_until,
        )
        start, end = changed.available_from, changed.available_until
        if start is not None and end is not None and start >= end:
            raise InvalidRequest("/available_from", "a time before available_until")
        return changed


class IdentifiedItemIn(ItemIn):
    item_id: Id


class ItemsIn(Strict):
    items: list[IdentifiedItemIn]


class ItemOut(BaseModel):
    item_id: str
    properties: dict[str, Any]
    hidden: bool
    available_from: int | None = Field(description="milliseconds since 1970-01-01 UTC")
    available_until: int | None = Field(description="milliseconds since 1970-01-01 UTC")


LAGGARDS = Field(description="replicas that did not follow within a second; they do once they can")


class StoredItemOut(BaseModel):
    item_id: str
    catalogue_epoch: int = Field(description="answers of this epoch or later know the item")
    laggards: list[str] = LAGGARDS


class StoredItemsOut(BulkOut):
    catalogue_epoch: int = Field(description="answers of this epoch or later know the items")
    laggards: list[str] = LAGGARDS


ITEM, PATCH = TypeAdapter(ItemIn), TypeAdapter(ItemPatch)
FILM = {"properties": {"title": "Alien", "genres": ["Horror", "Sci-Fi"], "year": 1979}}


@router.put(
    "/v1/items/{item_id}",
    summary="Create or replace an item",
    openapi_extra=body.describe(ItemIn, {"film": FILM}),
)
async def put_item(request: Request, runtime: RuntimeDep, item_id: PathId) -> StoredItemOut:
    """The next recommendation knows the item."""
    item = body.check(ITEM, await body.read(request)).item(item_id)
    epoch = await put_items(runtime.parts, [item], now_ms())
    return await _stored(runtime, item_id, epoch)


@router.put(
    "/v1/items",
    summary="Create or replace many items",
    openapi_extra=body.describe(ItemsIn, {"films": {"items": [{"item_id": "183", **FILM}]}}),
)
async def put_many_items(request: Request, runtime: RuntimeDep) -> StoredItemsOut:
    """Each item is judged on its own. If an id occurs twice, the later one counts."""
    raw = await body.read(request)
    limit = runtime.settings.limits.bulk
    good, rejected = read_bulk(raw, "items", IdentifiedItemIn, limit)
    items = {one.item_id: one.item(one.item_id) for one in good}
    epoch = runtime.parts.engine.epoch
    if items:
        epoch = await put_items(runtime.parts, list(items.values()), now_ms())
    return StoredItemsOut(
        stored=len(items),
        rejected=rejected,
        catalogue_epoch=epoch,
        laggards=list(await find_laggards(runtime.parts, epoch)) if items else [],
    )


@router.patch(
    "/v1/items/{item_id}",
    summary="Change some of an item",
    openapi_extra=body.describe(ItemPatch, {"sold out": {"properties": {"stock": 0}}}),
)
async def patch_item(request: Request, runtime: RuntimeDep, item_id: PathId) -> StoredItemOut:
    """What is not named stays; null takes a property or a date away. Makes the item if need be."""
    patch = body.check(PATCH, await body.read(request))
    _, epoch = await change_item(runtime.parts, item_id, patch.after, now_ms())
    return await _stored(runtime, item_id, epoch)


@router.delete("/v1/items/{item_id}", summary="Delete an item")
async def remove_item(runtime: RuntimeDep, item_id: PathId) -> StoredItemOut:
    """Never recommended from the next call on; PUT brings it back. What people did with it stays
    theirs and goes on to teach what is like it.
    """
    epoch = await delete_item(runtime.parts, item_id, now_ms())
    return await _stored(runtime, item_id, epoch)


async def _stored(runtime: Runtime, item_id: str, epoch: int) -> StoredItemOut:
    """Once all replicas show it, or for as long as it is worth waiting for them."""
    behind = await find_laggards(runtime.parts, epoch)
    return StoredItemOut(item_id=item_id, catalogue_epoch=epoch, laggards=list(behind))


@router.get("/v1/items/{item_id}", summary="Read an item")
async def get_item(runtime: RuntimeDep, item_id: PathId) -> ItemOut:
    item = await runtime.parts.catalogue.get_item(item_id)
    if item is None:
        raise NotFound("item", item_id)
    return ItemOut(
        item_id=item.item_id,
        properties=dict(item.properties),
        hidden=item.hidden,
        available_from=item.available_from,
        available_until=item.available_until,
    )
