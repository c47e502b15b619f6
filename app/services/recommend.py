"""Answer "what should this person see next?": recall, adapt if stale, rank, write back."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from app.domain import Arm, FastWeights, PlacedWindow, Position, Window
from app.engine import bits
from app.engine.filters import passing
from app.engine.request import Ranked, RankedItem, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import Overloaded, StorageUnavailable
from app.services import watermark
from app.services.explain import reasons
from app.services.note_explored import note_explored
from app.services.paging import Page, first_page, later_page
from app.services.parts import Parts
from app.services.pick import Picked, depth, pick
from app.services.question import (
    FIRST_PAGE,
    NOTHING,
    Answer,
    AnsweredItem,
    Personalization,
    Question,
    Reason,
)
from app.services.recall import Recalled, recall
from app.services.receipt import Receipt, sign, whose
from app.services.scenario import Wanted, wanted
from app.stores.cursors import Listed

NOBODY = PlacedWindow(Window(), Position(0, 0))


def check(parts: Parts, question: Question) -> None:
    """Raises `WeightsMissing` or `InvalidRequest` where `recommend` would."""
    columns = parts.engine.pinned().columns
    wanted(parts.policy.scenarios, question, columns, NOBODY, 0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of a question, what the engine is asked, and for whom."""

    request: RankRequest
    wish: Wanted
    arm: Arm
    fast: FastWeights | None
    """Cached ones, where they belong to what is known now."""
    digest: bytes

    @classmethod
    def of(
        cls, parts: Parts, snapshot: Snapshot, question: Question, recalled: Recalled, now: int
    ) -> "_Asked":
        window = recalled.placed.window
        profile = snapshot.frozen.profile(recalled.placed.properties)
        digest = window.digest_with(profile)
        arm = parts.policy.experiment.arm(question.entity)
        treated, fast = arm == "treatment", recalled.fast
        if not treated or (fast is not None and not fast.belong_to(snapshot.version, digest)):
            fast = None
        wish = wanted(parts.policy.scenarios, question, snapshot.columns, recalled.placed, now)
        request = RankRequest(
            shots=window.shots if treated else (),
            k=depth(question, wish),
            profile=profile,
            fast=fast.values if fast else None,
            exclude=wish.exclude.union(question.pins),
            candidates=question.candidates,
            filter=wish.filter,
            wishes=wish.wishes,
        )
        return cls(request, wish, arm, fast, digest)


async def recommend(parts: Parts, question: Question, now: int) -> Answer:
    """Rank for `question.entity`. Raises `WeightsMissing`, `InvalidRequest`; else it answers.

    A later page raises `StorageUnavailable` where the list it belongs to cannot be read.
    """
    snapshot = parts.engine.pinned()
    started = perf_counter()
    budget = min(parts.policy.deadline_seconds, (question.timeout_ms or 60_000) / 1000)

    def left() -> float:
        return budget - (perf_counter() - started)

    recalled = await _recall(parts, question, within=budget / 2)
    stored = perf_counter()
    asked = _Asked.of(parts, snapshot, question, recalled, now)
    ranked, pinned, trouble = await _rank(parts, snapshot, asked.request, question, left())
    if ranked.fast is not None and question.entity is not None:
        kept = FastWeights(ranked.version, asked.digest, ranked.fast, ranked.steps, now)
        parts.support.keep_fast(question.entity, recalled.placed.position, kept)
    picked, page, lost = await _page(parts, snapshot, question, asked.wish, ranked, pinned)
    item_ids = [item.item_id for item in page.items]
    why, unexplained = await _reasons(parts, snapshot, asked.request, question, item_ids, left())
    properties = await _properties(parts, question, item_ids, within=max(0.05, left()))
    untold = "database_unavailable" if properties is None else None
    request_id = _receipt(parts, question, ranked, asked.arm, now)
    if picked.propensities:
        generation = recalled.placed.position.generation
        note_explored(parts, question, asked.request, ranked, picked, generation, request_id, now)
    return Answer(
        request_id=request_id,
        items=_items(page, properties or {}, why),
        personalization=_personalization(ranked, asked, now),
        catalogue_epoch=ranked.epoch,
        degraded=trouble or recalled.degraded or lost or unexplained or untold,
        shortfall=_shortfall(question, asked.wish, ranked, page),
        timings={
            "store": (stored - started) * 1000,
            "adapt": ranked.adapt_ms,
            "rank": ranked.rank_ms,
        },
        next_cursor=page.next_cursor,
        seed=page.seed,
    )


async def _recall(parts: Parts, question: Question, within: float) -> Recalled:
    if question.entity is None:
        return Recalled(NOBODY, None, None)
    at_least = watermark.decode(question.min_watermark, question.entity)
    return await recall(parts, question.entity, at_least, within)


async def _rank(
    parts: Parts, snapshot: Snapshot, request: RankRequest, question: Question, within: float
) -> tuple[Ranked, tuple[RankedItem, ...], str | None]:
    """The list, what of the pinned items may be shown, and why that is not the best list, if so."""
    try:
        if not question.pins:
            return await parts.engine.rank(snapshot, request, within), (), None
        ranked, pinned = await asyncio.gather(
            parts.engine.rank(snapshot, request, within),
            parts.engine.rank(snapshot, _pins(request, question), within),
        )
    except TimeoutError:
        return _popular(snapshot, request), _unranked_pins(snapshot, question), "deadline"
    except Overloaded:
        return _popular(snapshot, request), _unranked_pins(snapshot, question), "overloaded"
    place = {item_id: number for number, item_id in enumerate(question.pins)}
    return ranked, tuple(sorted(pinned.items, key=lambda item: place[item.item_id])), None


def _pins(request: RankRequest, question: Question) -> RankRequest:
    return RankRequest(
        request.shots,
        len(question.pins),
        request.profile,
        request.fast,
        exclude=frozenset(question.exclude),
        candidates=frozenset(question.pins),
    )


def _unranked_pins(snapshot: Snapshot, question: Question) -> tuple[RankedItem, ...]:
    """Those that may be shown, scored for everyone; those of no list like its last."""
    scores = dict(snapshot.popular)
    least = min(scores.values(), default=0.0)
    shown = (pin for pin in question.pins if pin not in question.exclude and snapshot.shows(pin))
    return tuple(RankedItem(pin, scores.get(pin, least)) for pin in shown)


async def _page(
    parts: Parts,
    snapshot: Snapshot,
    question: Question,
    wish: Wanted,
    ranked: Ranked,
    pinned: tuple[RankedItem, ...],
) -> tuple[Picked, Page, str | None]:
    """What was picked, if anything had to be; the page; and why it is the only one, if so."""
    if question.cursor not in {None, FIRST_PAGE}:
        page = await later_page(parts, snapshot, question, wish.exclude)
        return Picked(()), page, None
    picked = await pick(parts, snapshot, question, wish, ranked.items, pinned)
    found = _listed(snapshot, ranked, picked)
    if question.cursor is None:
        return picked, Page(found[: question.k], picked.seed), None
    return picked, *await first_page(parts, question, found, picked.seed)


def _listed(snapshot: Snapshot, ranked: Ranked, picked: Picked) -> tuple[Listed, ...]:
    known, mode, chances = snapshot.frozen.index, ranked.mode, picked.propensities
    return tuple(
        [
            Listed(
                item.item_id,
                item.score,
                "pinned"
                if place < picked.pinned
                else "explored"
                if chances
                else mode
                if item.item_id in known
                else "new",
                chances.get(item.item_id),
            )
            for place, item in enumerate(picked.items)
        ]
    )


async def _reasons(
    parts: Parts,
    snapshot: Snapshot,
    request: RankRequest,
    question: Question,
    item_ids: Sequence[str],
    within: float,
) -> tuple[Mapping[str, tuple[Reason, ...]] | None, str | None]:
    """By item, where they are asked for; or else why they are missing."""
    if not question.explain:
        return None, None
    try:
        return await reasons(parts, snapshot, request, question.entity, item_ids, within), None
    except (TimeoutError, Overloaded):
        return None, "explanation_unavailable"


async def _properties(
    parts: Parts, question: Question, item_ids: Sequence[str], within: float
) -> Mapping[str, Mapping[str, Any]] | None:
    """The asked-for properties by item; None if the database does not tell them in time."""
    if not question.properties:
        return {}
    try:
        async with asyncio.timeout(within):
            return await parts.catalogue.properties(item_ids, question.properties)
    except (StorageUnavailable, TimeoutError):
        return None


def _items(
    page: Page,
    properties: Mapping[str, Mapping[str, Any]],
    why: Mapping[str, tuple[Reason, ...]] | None,
) -> tuple[AnsweredItem, ...]:
    return tuple(
        [
            AnsweredItem(
                item.item_id,
                item.score,
                rank,
                item.source,
                properties.get(item.item_id, NOTHING),
                item.propensity,
                None if why is None else why.get(item.item_id, ()),
            )
            for rank, item in enumerate(page.items, page.first_rank)
        ]
    )


def _popular(snapshot: Snapshot, request: RankRequest) -> Ranked:
    """The last rung: everyone's list, less what this person must not get."""
    allowed = None if request.candidates is None else frozenset(request.candidates)
    passed = None if request.filter is None else passing(request.filter, snapshot.columns)

    def may(item_id: str) -> bool:
        if item_id in request.exclude or (allowed is not None and item_id not in allowed):
            return False
        row = snapshot.ids.row(item_id)
        return passed is None or (row is not None and bits.holds(passed, row))

    items = [RankedItem(*pair) for pair in snapshot.popular if may(pair[0])]
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


def _receipt(parts: Parts, question: Question, ranked: Ranked, arm: Arm, now: int) -> str:
    receipt = Receipt(
        mode=ranked.mode,
        arm=arm,
        support=ranked.support,
        epoch=ranked.epoch,
        version=ranked.version,
        issued_at=now // 1000,
        issuer=whose(question.entity),
    )
    return sign(parts.signing_key.value, receipt)


def _personalization(ranked: Ranked, asked: _Asked, now: int) -> Personalization:
    is_adapted = ranked.mode == "adapted"
    adapted_at = asked.fast.adapted_at if asked.fast else now
    return Personalization(
        mode=ranked.mode,
        arm=asked.arm,
        support=ranked.support,
        steps=ranked.steps,
        weights_version=ranked.version,
        gate_blend=ranked.gate,
        adapted_at=adapted_at if is_adapted else None,
        cached=asked.fast is not None and is_adapted,
    )


def _shortfall(question: Question, wish: Wanted, ranked: Ranked, page: Page) -> str | None:
    if len(page.items) >= question.k:
        return None
    if question.cursor:
        return "list_exhausted"
    if ranked.mode == "popular":
        return "popular_list_exhausted"
    if question.candidates is not None:
        return "candidates_exhausted"
    return "filter_exhausted" if wish.filter is not None else "catalogue_exhausted"
