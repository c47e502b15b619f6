"""Meta-weights: which there are, and swapping them without a pause."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, TypeAdapter

from app.api import body
from app.api.deps import RuntimeDep
from app.api.fields import Name, Strict
from app.api.security import allow
from app.domain import Scope
from app.runtime import now_ms
from app.services.list_weights import list_weights
from app.services.reload import Reloaded, reload, roll_back

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
    version: str
    previous: str | None
    checks: list[str]
    replicas: list[ReplicaOut]
    shadow: ShadowOut | None
    took_ms: float


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
    return _out(await reload(runtime.parts, asked.version, dry_run=asked.dry_run, now=now_ms()))


@router.post("/v1/admin/weights/rollback", summary="Serve from the meta-weights before")
async def post_rollback(runtime: RuntimeDep) -> ReloadOut:
    """The same way, with the same checks. Once more, and it is the other way round again."""
    return _out(await roll_back(runtime.parts, now_ms()))


def _out(done: Reloaded) -> ReloadOut:
    return ReloadOut(
        version=done.version,
        previous=done.previous,
        checks=list(done.checks),
        replicas=[ReplicaOut(id=one.replica_id, version=one.version) for one in done.replicas],
        shadow=ShadowOut(**asdict(done.shadow)) if done.shadow else None,
        took_ms=round(done.took_ms, 2),
    )


@router.get("/v1/admin/weights", summary="List meta-weights")
async def get_weights(runtime: RuntimeDep) -> WeightsOut:
    listed = await list_weights(runtime.parts)
    return WeightsOut(
        active=listed.active,
        previous=listed.previous,
        versions=[asdict(manifest) for manifest in listed.manifests],
    )
