"""Meta-weights: which there are, and swapping them without a pause."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.deps import PathId, RuntimeDep
from app.api.fields import Name, Strict
from app.api.security import allow
from app.domain import Scope
from app.errors import NotFound
from app.runtime import now_ms
from app.services.list_weights import list_weights
from app.services.reload import REPLICA_AGE_SECONDS, Reloaded, reload, roll_back
from app.stores.activation import Replica
from app.stores.reloads import Stage

router = APIRouter(tags=["admin"], dependencies=[allow(Scope.ADMIN)])


class ReloadIn(Strict):
    version: Name | None = Field(None, description="default: the newest in the directory")
    dry_run: bool = Field(
        default=False, description="verify it and rank once with it, but do not swap"
    )


class ReplicaOut(BaseModel):
    id: str
    version: str | None


class ShadowOut(BaseModel):
    """How the lists of some people differ between the two versions; distances from 0 to 1."""

    people: int
    mean_distance: float
    largest_distance: float
    first_changed: float = Field(description="share of people whose first item is another")


class ReloadOut(BaseModel):
    reload_id: str = Field(description="the request's `X-Request-Id`")
    version: str
    previous: str | None
    checks: list[str]
    replicas: list[ReplicaOut]
    shadow: ShadowOut | None
    took_ms: float


class ReloadStateOut(BaseModel):
    reload_id: str
    stage: Stage
    version: str | None
    error: str | None = Field(description="why it failed, if it did")
    started_at: int = Field(description="milliseconds since 1970-01-01 UTC")
    changed_at: int
    replicas: list[ReplicaOut] = Field(description="those that live, and what each serves now")


class WeightsOut(BaseModel):
    active: str | None
    previous: str | None
    versions: list[Mapping[str, Any]] = Field(description="manifests, newest first")


RELOAD = TypeAdapter(ReloadIn)


@router.post(
    "/v1/admin/weights/reload",
    summary="Serve from other meta-weights",
    openapi_extra=body.describe(ReloadIn, {"newest": {}}, required=False),
)
async def post_reload(request: Request, runtime: RuntimeDep) -> ReloadOut:
    """Refused meta-weights change nothing: those that serve go on serving."""
    asked = body.check(RELOAD, await body.read(request) or b"{}")
    done = await reload(
        runtime.parts,
        asked.version,
        dry_run=asked.dry_run,
        now=now_ms(),
        reload_id=request.scope["thaw.request_id"],
    )
    return _out(done)


@router.get("/v1/admin/weights/reload/{reload_id}", summary="How far a reload has come")
async def get_reload(runtime: RuntimeDep, reload_id: PathId) -> ReloadStateOut:
    """Kept for a week. Send a reload with an `X-Request-Id` of your own to follow it."""
    found = await runtime.parts.reloads.find(reload_id)
    if found is None:
        raise NotFound("reload", reload_id)
    alive = await runtime.parts.activation.replicas(REPLICA_AGE_SECONDS)
    return ReloadStateOut(**asdict(found), replicas=_replicas(alive))


@router.post("/v1/admin/weights/rollback", summary="Serve from the meta-weights before")
async def post_rollback(request: Request, runtime: RuntimeDep) -> ReloadOut:
    """The same way, with the same checks. Once more, and it is the other way round again."""
    reload_id = request.scope["thaw.request_id"]
    return _out(await roll_back(runtime.parts, now_ms(), reload_id))


def _out(done: Reloaded) -> ReloadOut:
    return ReloadOut(
        reload_id=done.reload_id,
        version=done.version,
        previous=done.previous,
        checks=list(done.checks),
        replicas=_replicas(done.replicas),
        shadow=ShadowOut(**asdict(done.shadow)) if done.shadow else None,
        took_ms=round(done.took_ms, 2),
    )


def _replicas(alive: Sequence[Replica]) -> list[ReplicaOut]:
    return [ReplicaOut(id=one.replica_id, version=one.version) for one in alive]


@router.get("/v1/admin/weights", summary="List meta-weights")
async def get_weights(runtime: RuntimeDep) -> WeightsOut:
    listed = await list_weights(runtime.parts)
    return WeightsOut(
        active=listed.active,
        previous=listed.previous,
        versions=[asdict(manifest) for manifest in listed.manifests],
    )
