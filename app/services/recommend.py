"""Answer "what should this person see next?": recall, adapt if stale, rank, write back."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

from app.domain import Entity, FastWeights, Mode, PlacedWindow, Position, Window
from app.engine.request import Ranked, RankedItem, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import Overloaded, StorageUnavailable
from app.services import watermark
from app.services.parts import Parts
from app.services.recall import Recalled, recall

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Question:
    entity: Entity | None
    """None for a visitor without any id: everyone's list."""
    k: int = 10
    exclude: Collection[str] = ()
    candidates: Collection[str] | None = None
    include_seen: bool = False
    properties: tuple[str, ...] = ()
    min_watermark: str | None = None
    timeout_ms: int | None = None


class AnsweredItem(NamedTuple):
    item_id: str
    score: float
    rank: int
    source: str
    properties: Mapping[str, Any] = NOTHING


@dataclass(frozen=True, slots=True)
class Personalization:
    mode: Mode
    support: int
    steps: int
    weights_version: str
    gate_blend: float
    adapted_at: int | None
    """When (ms) the inner loop ran that this answer was made with."""
    cached: bool


@dataclass(frozen=True, slots=True)
class Answer:
    items: tuple[AnsweredItem, ...]
    personalization: Personalization
    catalogue_epoch: int
    degraded: str | None
    shortfall: str | None
    timings: Mapping[str, float]
    """Milliseconds by step: store, adapt, rank."""


async def recommend(parts: Parts, question: Question, now: int) -> Answer:
    """Rank for `question.entity`. Raises `WeightsMissing`, `InvalidRequest`; else it answers."""
    snapshot = parts.engine.pinned()
    started = perf_counter()
    budget = min(parts.policy.deadline_seconds, (question.timeout_ms or 60_000) / 1000)
    recalled = await _recall(parts, question, within=budget / 2)
    stored = perf_counter()
    window = recalled.placed.window
    profile = snapshot.frozen.profile(recalled.placed.properties)
    digest = window.digest_with(profile)
    fast = recalled.fast
    if fast is not None and not fast.belong_to(snapshot.version, digest):
        fast = None
    request = RankRequest(
        shots=window.shots,
        k=question.k,
        profile=profile,
        fast=fast.values if fast else None,
        exclude=frozenset(question.exclude) | frozenset(_seen(question, window)),
        candidates=question.candidates,
    )
    degraded = recalled.degraded
    try:
        ranked = await parts.engine.rank(snapshot, request, budget - (stored - started))
    except (TimeoutError, Overloaded) as error:
        ranked = _popular(snapshot, request)
        degraded = "deadline" if isinstance(error, TimeoutError) else "overloaded"
    if ranked.fast is not None and question.entity is not None:
        kept = FastWeights(ranked.version, digest, ranked.fast, ranked.steps, now)
        parts.support.keep_fast(question.entity, recalled.placed.position, kept)
    spent = perf_counter() - started
    properties = await _properties(parts, question, ranked, within=max(0.05, budget - spent))
    if properties is None:
        degraded = degraded or "database_unavailable"
    items = _items(snapshot, ranked, properties or {})
    return Answer(
        items=items,
        personalization=Personalization(
            mode=ranked.mode,
            support=ranked.support,
            steps=ranked.steps,
            weights_version=ranked.version,
            gate_blend=ranked.gate,
            adapted_at=_adapted_at(ranked, fast, now),
            cached=fast is not None and ranked.mode == "adapted",
        ),
        catalogue_epoch=ranked.epoch,
        degraded=degraded,
        shortfall=_shortfall(question, ranked),
        timings={
            "store": (stored - started) * 1000,
            "adapt": ranked.adapt_ms,
            "rank": ranked.rank_ms,
        },
    )


async def _recall(parts: Parts, question: Question, within: float) -> Recalled:
    if question.entity is None:
        return Recalled(PlacedWindow(Window(), Position(0, 0)), None, None)
    at_least = watermark.decode(question.min_watermark, question.entity)
    return await recall(parts, question.entity, at_least, within)


async def _properties(
    parts: Parts, question: Question, ranked: Ranked, within: float
) -> Mapping[str, Mapping[str, Any]] | None:
    """The asked-for properties by item; None if the database does not tell them in time."""
    if not question.properties:
        return {}
    item_ids = [item.item_id for item in ranked.items]
    try:
        async with asyncio.timeout(within):
            return await parts.catalogue.properties(item_ids, question.properties)
    except (StorageUnavailable, TimeoutError):
        return None


def _items(
    snapshot: Snapshot, ranked: Ranked, properties: Mapping[str, Mapping[str, Any]]
) -> tuple[AnsweredItem, ...]:
    known, mode = snapshot.frozen.index, ranked.mode
    return tuple(
        [
            AnsweredItem(
                item.item_id,
                item.score,
                rank,
                mode if item.item_id in known else "new",
                properties.get(item.item_id, NOTHING),
            )
            for rank, item in enumerate(ranked.items, 1)
        ]
    )


def _seen(question: Question, window: Window) -> Collection[str]:
    return () if question.include_seen else window.seen.keys()


def _popular(snapshot: Snapshot, request: RankRequest) -> Ranked:
    """The last rung: everyone's list, less what this person must not get."""
    wanted = None if request.candidates is None else frozenset(request.candidates)
    items = [
        RankedItem(item_id, score)
        for item_id, score in snapshot.popular
        if item_id not in request.exclude and (wanted is None or item_id in wanted)
    ]
    return Ranked(
        items=tuple(items[: request.k]),
        mode="popular",
        support=0,
        steps=0,
        gate=snapshot.frozen.gate,
        version=snapshot.version,
        epoch=snapshot.epoch,
        fast=None,
    )


def _adapted_at(ranked: Ranked, fast: FastWeights | None, now: int) -> int | None:
    if ranked.mode != "adapted":
        return None
    return fast.adapted_at if fast else now


def _shortfall(question: Question, ranked: Ranked) -> str | None:
    if len(ranked.items) >= question.k:
        return None
    if ranked.mode == "popular":
        return "popular_list_exhausted"
    return "candidates_exhausted" if question.candidates is not None else "catalogue_exhausted"
