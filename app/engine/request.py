"""What one caller asks of the engine and gets back, in item ids."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import Mode, Shot
from app.engine.filters import Filter
from app.engine.wishes import Wish


@dataclass(frozen=True, slots=True)
class RankRequest:
    shots: tuple[Shot, ...]
    k: int
    profile: Mapping[str, Any] = field(default_factory=dict)
    """The properties that features are made of, as `Frozen.profile` picks them."""
    fast: bytes | None = None
    """Cached fast weights (little-endian float32) of this version, profile and shots."""
    exclude: Collection[str] = ()
    candidates: Collection[str] | None = None
    filter: Filter | None = None
    """What the properties of an item must be for it to come."""
    wishes: tuple[Wish, ...] = ()
    """What the shop adds to the scores."""


@dataclass(frozen=True, slots=True)
class RankedItem:
    item_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranked:
    items: tuple[RankedItem, ...]
    mode: Mode
    support: int
    """How many shots the inner loop could use: of known items, with a weight other than zero."""
    steps: int
    gate: float
    version: str
    epoch: int
    fast: bytes | None
    """Freshly adapted fast weights to be cached; None if nothing was adapted."""
    adapt_ms: float = 0.0
    rank_ms: float = 0.0
