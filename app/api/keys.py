"""API keys: made, listed, given a new secret, revoked."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Name, Strict
from app.api.security import allow
from app.domain import Scope
from app.stores.api_keys import ApiKey, NewKey

DAY_SECONDS = 86_400

router = APIRouter(tags=["admin"], dependencies=[allow(Scope.ADMIN)])


class KeyIn(Strict):
    label: Name = Field(description="to know it again in the list")
    scope: Annotated[Scope, Field(strict=False)]


class RotationIn(Strict):
    grace_seconds: Annotated[int, Field(ge=0, le=30 * DAY_SECONDS)] = Field(
        DAY_SECONDS, description="how long the secret before still opens; 0: not at all"
    )


class KeyOut(BaseModel):
    """Times in milliseconds since 1970-01-01 UTC."""

    key_id: str
    label: str
    scope: Scope
    created_at: int
    revoked_at: int | None
    previous_until: int | None = Field(description="when the secret before ceases to open, if any")


class NewKeyOut(KeyOut):
    key: str = Field(description="shown this once; it is kept as a hash")


class KeysOut(BaseModel):
    keys: list[KeyOut] = Field(description="oldest first, revoked ones too")


KEY, ROTATION = TypeAdapter(KeyIn), TypeAdapter(RotationIn)


@router.post(
    "/v1/admin/keys",
    summary="Make a key",
    status_code=201,
    openapi_extra=body.describe(KeyIn, {"shop": {"label": "shop", "scope": "server"}}),
)
async def post_key(request: Request, runtime: RuntimeDep) -> NewKeyOut:
    """The answer is the one place where the key is ever shown."""
    asked = body.check(KEY, await body.read(request))
    return _new(await runtime.keys.create(asked.scope, asked.label))


@router.get("/v1/admin/keys", summary="List keys")
async def get_keys(runtime: RuntimeDep) -> KeysOut:
    """Neither keys nor their hashes."""
    return KeysOut(keys=[_out(key) for key in await runtime.keys.list()])


@router.post(
    "/v1/admin/keys/{key_id}/rotate",
    summary="Give a key a new secret",
    openapi_extra=body.describe(RotationIn, {"a day of grace": {}}, required=False),
)
async def post_rotate(request: Request, runtime: RuntimeDep, key_id: PathId) -> NewKeyOut:
    """Id, label and scope stay. Of the secrets before, only the last one has a grace."""
    asked = body.check(ROTATION, await body.read(request) or b"{}")
    return _new(await runtime.keys.rotate(key_id, asked.grace_seconds * 1000))


@router.delete("/v1/admin/keys/{key_id}", summary="Revoke a key")
async def delete_key(runtime: RuntimeDep, key_id: PathId) -> KeyOut:
    """Every worker stops taking it within five seconds. The last admin key stays."""
    return _out(await runtime.keys.revoke(key_id))


def _out(key: ApiKey) -> KeyOut:
    return KeyOut(
        key_id=key.key_id,
        label=key.label,
        scope=key.scope,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        previous_until=key.previous_until,
    )


def _new(made: NewKey) -> NewKeyOut:
    return NewKeyOut(**_out(made.key).model_dump(), key=made.text)
