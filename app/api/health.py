"""Whether the process lives, whether it can answer, and what it counted."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.api.deps import RuntimeDep
from app.api.problems import KINDS, problem
from app.api.security import allow_metrics
from app.errors import WeightsMissing
from app.metrics import exposition, set_active_weights, set_pending_rows

router = APIRouter(tags=["health"])


class LiveOut(BaseModel):
    status: str


class ReadyOut(BaseModel):
    status: str
    parts: dict[str, str | None]


@router.get("/livez", summary="Is the process alive?")
async def livez() -> LiveOut:
    return LiveOut(status="alive")


@router.get("/readyz", summary="Can it recommend?", response_model=ReadyOut)
async def readyz(request: Request, runtime: RuntimeDep) -> Response | ReadyOut:
    """Only missing meta-weights make it unready; `parts` says what else is out of order."""
    parts = await runtime.health()
    if parts["weights"] is not None:
        return problem(request, KINDS[WeightsMissing], parts["weights"], parts=parts)
    return ReadyOut(status="ready", parts=parts)


@router.get("/metrics", summary="Prometheus metrics", dependencies=[allow_metrics()])
async def metrics(runtime: RuntimeDep) -> Response:
    """Prometheus sends its admin key by `authorization: {credentials: KEY}`."""
    if snapshot := runtime.parts.engine.snapshot:
        set_active_weights(snapshot.version)
    set_pending_rows(runtime.parts.pending.rows)
    content, headers = exposition()
    return Response(content, headers=dict(headers))
