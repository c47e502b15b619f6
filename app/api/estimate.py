"""GET /v1/admin/weights/{version}/estimate: what a version would earn, before anybody is served."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.api.deps import RuntimeDep
from app.api.fields import Name
from app.api.impact import RateOut, rate_out
from app.api.security import allow
from app.domain import Scope
from app.runtime import now_ms
from app.services.estimate import estimate

router = APIRouter(tags=["admin"], dependencies=[allow(Scope.ADMIN)])


class EstimateOut(BaseModel):
    version: str
    since: int = Field(description="milliseconds since 1970-01-01 UTC")
    until: int
    lists: int = Field(description="lists drawn by chance, of which an impression tells")
    people: int = Field(description="whose lists they are")
    gone: int = Field(description="lists left out: items or scenarios of theirs are there no more")
    impressions: int
    effective_impressions: float = Field(
        description="impressions of the version's own lists that would tell as much"
    )
    mean_weight: float = Field(description="near 1 where the lists tell of this version at all")
    clipped: float = Field(description="share of impressions whose weight was cut")
    observed_click_rate: RateOut | None = Field(description="of these lists as they were")
    observed_positive_rate: RateOut | None
    click_rate: RateOut | None = Field(description="of the version; null while undecided")
    positive_rate: RateOut | None
    undecided: str | None = Field(description="why there is no estimate yet, and what to do")


@router.get("/v1/admin/weights/{version}/estimate", summary="What other meta-weights would earn")
async def get_estimate(
    runtime: RuntimeDep,
    version: Annotated[Name, Path(description="a version in the directory")],
    days: Annotated[int, Query(ge=1, le=14)] = 14,
) -> EstimateOut:
    """From lists that were drawn with `exploration`, by the chances they were drawn with."""
    found = await estimate(runtime.parts, version, days, now_ms())
    undecided = found.undecided
    return EstimateOut(
        version=found.version,
        since=found.since,
        until=found.until,
        lists=found.lists,
        people=found.people,
        gone=found.gone,
        impressions=found.of.impressions,
        effective_impressions=found.of.effective,
        mean_weight=found.of.mean_weight,
        clipped=found.of.clipped,
        observed_click_rate=rate_out(found.observed_click_rate),
        observed_positive_rate=rate_out(found.observed_positive_rate),
        click_rate=None if undecided else rate_out(found.of.click_rate),
        positive_rate=None if undecided else rate_out(found.of.positive_rate),
        undecided=undecided,
    )
