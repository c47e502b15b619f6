"""What can be asked for in one call, and what is answered."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.domain import Arm, Entity, Mode

NOTHING: Mapping[str, Any] = {}
FIRST_PAGE = ""
"""The cursor that asks for a list to be turned over in pages."""


@dataclass(frozen=True, slots=True)
class BoostDraft:
    filter: object
    """JSON, of the grammar of `app.engine.expressions`."""
    factor: float


@dataclass(frozen=True, slots=True)
class Question:
    """None stands for what the scenario says."""

    entity: Entity | None
    """None for a visitor without any id: everyone's list."""
    k: int = 10
    scenario: str | None = None
    filter: object | None = None
    boosts: tuple[BoostDraft, ...] = ()
    pins: tuple[str, ...] = ()
    """Items that come first, in this order, if they may be shown at all."""
    exclude: Collection[str] = ()
    candidates: Collection[str] | None = None
    include_seen: bool | None = None
    diversity: float | None = None
    exploration: float | None = None
    seed: int | None = None
    explain: bool = False
    cursor: str | None = None
    properties: tuple[str, ...] = ()
    min_watermark: str | None = None
    timeout_ms: int | None = None


class Reason(NamedTuple):
    """Without that event the item's score would be lower by so much."""

    item_id: str
    event_id: str | None
    """None where the database does not tell."""
    contribution: float


class AnsweredItem(NamedTuple):
    item_id: str
    score: float
    rank: int
    source: str
    properties: Mapping[str, Any] = NOTHING
    propensity: float | None = None
    """With exploration: how likely it was to be drawn for this rank, given those before it."""
    reasons: tuple[Reason, ...] | None = None


@dataclass(frozen=True, slots=True)
class Personalization:
    mode: Mode
    arm: Arm
    support: int
    steps: int
    weights_version: str
    gate_blend: float
    adapted_at: int | None
    """When (ms) the inner loop ran that this answer was made with."""
    cached: bool


@dataclass(frozen=True, slots=True)
class Answer:
    request_id: str
    """Signed; see `app.services.receipt`."""
    items: tuple[AnsweredItem, ...]
    personalization: Personalization
    catalogue_epoch: int
    degraded: str | None
    shortfall: str | None
    timings: Mapping[str, float]
    """Milliseconds by step: store, adapt, rank."""
    next_cursor: str | None = None
    seed: int | None = None
