"""Members and their properties."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.bulk import BulkOut, read_bulk
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Id, Properties, Strict
from app.api.security import allow
from app.domain import Entity, Namespace, Scope, User
from app.errors import NotFound
from app.runtime import now_ms
from app.services.erase import erase
from app.services.merge import merge
from app.services.put_users import patch_user, put_users

router = APIRouter(tags=["users"], dependencies=[allow(Scope.SERVER)])


class UserIn(Strict):
    properties: Properties = Field(default_factory=dict)


class IdentifiedUserIn(UserIn):
    user_id: Id


class UsersIn(Strict):
    users: list[IdentifiedUserIn]


class UserOut(BaseModel):
    user_id: str
    properties: dict[str, Any]


class MergeIn(Strict):
    from_: Id = Field(alias="from", description="the anonymous_id of the guest")


class MergedOut(BaseModel):
    user_id: str
    moved: int = Field(description="events that were not the user's before")
    duplicates: int
    watermark: str | None = Field(
        description="send it as min_watermark to read at least this far from any replica"
    )


class TokenIn(Strict):
    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(3_600, description="how long it lasts")


class TokenOut(BaseModel):
    user_id: str
    token: str
    expires_at: int = Field(description="milliseconds since 1970-01-01 UTC")


class ErasedOut(BaseModel):
    user_id: str
    events: int
    guests: int
    had_properties: bool
    trained_before: list[str] = Field(
        description="meta-weights that may have learned from the user; train again to be exact"
    )


USER, MERGE, TOKEN = TypeAdapter(UserIn), TypeAdapter(MergeIn), TypeAdapter(TokenIn)
READER = {"properties": {"language": "fi", "member_since": 2019}}


@router.put(
    "/v1/users/{user_id}",
    summary="Create or replace a user",
    openapi_extra=body.describe(UserIn, {"reader": READER}),
)
async def put_user(request: Request, runtime: RuntimeDep, user_id: PathId) -> UserOut:
    """Events make users by themselves; this is for what is known of them besides."""
    properties = body.check(USER, await body.read(request)).properties
    await put_users(runtime.parts, [User(user_id, properties)])
    return UserOut(user_id=user_id, properties=dict(properties))


@router.put(
    "/v1/users",
    summary="Create or replace many users",
    openapi_extra=body.describe(UsersIn, {"readers": {"users": [{"user_id": "42", **READER}]}}),
)
async def put_many_users(request: Request, runtime: RuntimeDep) -> BulkOut:
    """Each user is judged on its own. If an id occurs twice, the later one counts."""
    raw = await body.read(request)
    limit = runtime.settings.limits.bulk
    good, rejected = read_bulk(raw, "users", IdentifiedUserIn, limit)
    users = {one.user_id: User(one.user_id, one.properties) for one in good}
    if users:
        await put_users(runtime.parts, list(users.values()))
    return BulkOut(stored=len(users), rejected=rejected)


@router.patch(
    "/v1/users/{user_id}",
    summary="Change some properties of a user",
    openapi_extra=body.describe(UserIn, {"moved": {"properties": {"language": "sv"}}}),
)
async def patch_some(request: Request, runtime: RuntimeDep, user_id: PathId) -> UserOut:
    """Properties that are not named stay; null takes one away. Makes the user if need be."""
    change = body.check(USER, await body.read(request)).properties
    user = await patch_user(runtime.parts, user_id, change)
    return UserOut(user_id=user_id, properties=dict(user.properties))


@router.post(
    "/v1/users/{user_id}/merge",
    summary="A guest becomes this user",
    openapi_extra=body.describe(MergeIn, {"signed in": {"from": "guest-7"}}),
)
async def post_merge(request: Request, runtime: RuntimeDep, user_id: PathId) -> MergedOut:
    """What the guest did is the user's from then on, and so is what still arrives of the guest.
    Events of one event_id count once. Safe to repeat.
    """
    guest = body.check(MERGE, await body.read(request)).from_
    merged = await merge(
        runtime.parts, Entity(Namespace.ANON, guest), Entity(Namespace.USER, user_id)
    )
    return MergedOut(
        user_id=user_id,
        moved=merged.moved,
        duplicates=merged.duplicates,
        watermark=merged.watermark,
    )


@router.post(
    "/v1/users/{user_id}/token",
    summary="A token that lets a page speak for this user",
    openapi_extra=body.describe(TokenIn, {"an hour": {}}, required=False),
)
async def post_token(request: Request, runtime: RuntimeDep, user_id: PathId) -> TokenOut:
    """With it as `X-User-Token`, a publishable key may record events of this user and read lists
    for this user, and nothing else. For users whom your server has signed in.
    """
    asked = body.check(TOKEN, await body.read(request) or b"{}")
    token = await runtime.tokens.issue(user_id, asked.seconds)
    return TokenOut(user_id=user_id, token=token.text, expires_at=token.expires_at)


@router.delete("/v1/users/{user_id}", summary="Erase a user")
async def delete_user(runtime: RuntimeDep, user_id: PathId) -> ErasedOut:
    """Events, properties, windows, guests that became the user, and what all that counted for. A
    keyed hash stays for 30 days, so that late retries are refused. Safe to repeat.
    """
    erased = await erase(runtime.parts, Entity(Namespace.USER, user_id), now_ms())
    return ErasedOut(user_id=user_id, **asdict(erased))


@router.get("/v1/users/{user_id}", summary="Read a user")
async def get_user(runtime: RuntimeDep, user_id: PathId) -> UserOut:
    user = await runtime.parts.catalogue.get_user(user_id)
    if user is None:
        raise NotFound("user", user_id)
    return UserOut(user_id=user.user_id, properties=dict(user.properties))
