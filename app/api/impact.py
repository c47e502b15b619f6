"""GET /v1/admin/impact: what lists were worth, by how they came about."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.deps import RuntimeDep
from app.api.security import allow
from app.domain import Scope
from app.runtime import now_ms
from app.services.impact import Tally, impact
from app.services.intervals import Interval

router = APIRouter(tags=["admin"], dependencies=[allow(Scope.ADMIN)])


class RateOut(BaseModel):
    """A share, or a difference of two, with its 95% interval."""

    value: float
    low: float
    high: float


class TallyOut(BaseModel):
    impressions: int = Field(description="items shown, each once a list")
    clicks: int = Field(description="of these, items that were clicked")
    positives: int = Field(description="of these, items with an event of positive weight")
    click_rate: RateOut | None
    positive_rate: RateOut | None


class ImpactOut(BaseModel):
    since: int = Field(
        description="milliseconds since 1970-01-01 UTC; later than asked for where "
        "there are too many events"
    )
    until: int
    complete: bool = Field(description="whether all events since then were read")
    events: int = Field(description="events with a request_id that were read")
    lists: int = Field(description="lists that count")
    forged: int = Field(description="lists left out: their request_id was not signed here")
    foreign: int = Field(description="lists left out: they were made for somebody else")
    untold: int = Field(description="items with a positive event but no impression; left out")
    crossovers: int = Field(description="people left out: they were in both arms")
    total: TallyOut
    by_mode: dict[str, TallyOut]
    by_arm: dict[str, TallyOut]
    by_support: dict[str, TallyOut]
    by_version: dict[str, TallyOut]
    gain: RateOut | None = Field(
        description="positive rate of the treatment less that of the holdout, if there is one"
    )


@router.get("/v1/admin/impact", summary="What lists were worth")
async def get_impact(
    runtime: RuntimeDep, days: Annotated[int, Query(ge=1, le=400)] = 7
) -> ImpactOut:
    """Impressions and outcomes, joined by the signed request_id of the list that led to them."""
    found = await impact(runtime.parts, days, now_ms())
    return ImpactOut(
        since=found.since,
        until=found.until,
        complete=found.complete,
        events=found.events,
        lists=found.lists,
        forged=found.forged,
        foreign=found.foreign,
        untold=found.untold,
        crossovers=found.crossovers,
        total=_tally(found.total),
        by_mode=_tallies(found.by_mode),
        by_arm=_tallies(found.by_arm),
        by_support=_tallies(found.by_support),
        by_version=_tallies(found.by_version),
        gain=rate_out(found.gain),
    )


def _tallies(found: Mapping[str, Tally]) -> dict[str, TallyOut]:
    return {name: _tally(one) for name, one in sorted(found.items())}


def _tally(found: Tally) -> TallyOut:
    return TallyOut(
        impressions=found.impressions,
        clicks=found.clicks,
        positives=found.positives,
        click_rate=rate_out(found.click_rate),
        positive_rate=rate_out(found.positive_rate),
    )


def rate_out(found: Interval | None) -> RateOut | None:
    return None if found is None else RateOut(**found._asdict())
