"""Requests in item ids <-> batches in rows. Pure Python and numpy."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from app.engine.port import Ints, RankBatch, RankedBatch
from app.engine.request import Ranked, RankedItem, RankRequest
from app.engine.snapshot import Snapshot


def pack(snapshot: Snapshot, requests: Sequence[RankRequest]) -> RankBatch:
    """One batch of all requests; support on items that the meta-weights never saw is left out."""
    size, frozen = len(requests), snapshot.frozen
    known = [
        [shot for shot in request.shots if shot.item_id in frozen.index and shot.weight]
        for request in requests
    ]
    slots = max(1, *map(len, known))  # the inner loop pays for empty ones too
    items = np.zeros((size, slots), np.int64)
    weights = np.zeros((size, slots), np.float64)
    fast = np.zeros((size, frozen.width), np.float32)
    cached = np.zeros(size, np.bool_)
    for row, (request, shots) in enumerate(zip(requests, known, strict=True)):
        items[row, : len(shots)] = [frozen.index[shot.item_id] for shot in shots]
        weights[row, : len(shots)] = [frozen.signed(shot.weight) for shot in shots]
        if request.fast is not None:
            fast[row] = np.frombuffer(request.fast, "<f4")
            cached[row] = True
    return RankBatch(
        version=snapshot.version,
        epoch=snapshot.epoch,
        support_items=items,
        support_weights=weights,
        profiles=tuple(request.profile for request in requests),
        fast=fast,
        cached=cached,
        excluded=tuple(_rows(snapshot, request.exclude) for request in requests),
        candidates=tuple(
            None if request.candidates is None else _rows(snapshot, request.candidates)
            for request in requests
        ),
        filters=tuple(request.filter for request in requests),
        wishes=tuple(request.wishes for request in requests),
        results=max(request.k for request in requests),
    )


def unpack(
    snapshot: Snapshot, requests: Sequence[RankRequest], batch: RankBatch, ranked: RankedBatch
) -> list[Ranked]:
    """Each request's own answer, ties broken by item id."""
    found = _found(snapshot, ranked, [request.k for request in requests])
    return [_answer(snapshot, batch, ranked, row, items) for row, items in enumerate(found)]


def _found(
    snapshot: Snapshot, ranked: RankedBatch, wanted: list[int]
) -> Iterator[list[RankedItem]]:
    """The best so many of each row; what is below the last of them is not looked at."""
    ordered = np.sort(np.where(ranked.rows >= 0, -ranked.scores, np.inf))
    for rows, scores, ascending, most in zip(
        ranked.rows, ranked.scores, ordered, wanted, strict=True
    ):
        least = -ascending[min(most, len(ascending)) - 1] if len(ascending) else 0
        near = np.flatnonzero((rows >= 0) & (scores >= least))
        pairs = zip(scores[near].tolist(), rows[near].tolist(), strict=True)
        best = sorted((-score, snapshot.ids[row]) for score, row in pairs)[:most]
        yield [RankedItem(item_id, -score) for score, item_id in best]


def _answer(
    snapshot: Snapshot,
    batch: RankBatch,
    ranked: RankedBatch,
    row: int,
    items: list[RankedItem],
) -> Ranked:
    support = int(np.count_nonzero(batch.support_weights[row]))
    fresh = support > 0 and not batch.cached[row]
    return Ranked(
        items=tuple(items),
        mode="adapted" if support else "prior",
        support=support,
        steps=snapshot.frozen.steps if support else 0,
        gate=round(float(ranked.gates[row]), 4),
        version=batch.version,
        epoch=batch.epoch,
        fast=ranked.fast[row].astype("<f4").tobytes() if fresh else None,
        adapt_ms=ranked.adapt_seconds * 1000,
        rank_ms=ranked.rank_seconds * 1000,
    )


def _rows(snapshot: Snapshot, item_ids: Collection[str]) -> Ints:
    """In ascending order, each once."""
    found = {row for row in map(snapshot.ids.row, item_ids) if row is not None}
    return np.array(sorted(found), np.int64)
