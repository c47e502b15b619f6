"""What is measured of the service's engine at several sizes, in turns."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

import numpy as np
import torch

from app.domain import Item, Shot
from app.engine.engine import Engine
from app.engine.filters import Compare
from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot
from benchmarks.resampled import shelf_name
from models.shapes import Features, Support

K, SHOTS = 100, 10
NOW, PATIENCE = 0, 600.0
NEWER_A_SECOND = 1_000
RELOADED = 256
"""Entities in one batch."""


@dataclass(frozen=True, slots=True)
class Latency:
    items: int
    share: float
    """Of the items that a filter lets pass."""
    way: str
    """`served`, or `exact`: by scoring all that may be shown."""
    median_ms: float
    p90_ms: float
    recall: float
    """Of the best K by exact search."""


@dataclass(frozen=True, slots=True)
class Place:
    """An engine that serves a catalogue, and who asks it."""

    engine: Engine
    histories: Sequence[tuple[Shot, ...]]

    @property
    def items(self) -> int:
        return len(self.engine.pinned().ids)

    async def asked(self, request: RankRequest, snapshot: Snapshot) -> tuple[float, list[str]]:
        """Milliseconds, and what came."""
        began = perf_counter()
        answer = await self.engine.rank(snapshot, request, PATIENCE)
        return (perf_counter() - began) * 1000, [item.item_id for item in answer.items]


def exact(snapshot: Snapshot) -> Snapshot:
    """The same without its index."""
    frozen = replace(snapshot.frozen, search=None)
    return replace(snapshot, layout=replace(snapshot.layout, frozen=frozen))


async def latencies(
    places: Sequence[Place], shares: Sequence[float], requests: int
) -> list[Latency]:
    """Of adapting and ranking for one at a time; each request has a shelf of its own."""
    found = []
    for share in shares:
        served = await _turns(places, share, requests, [place.engine.pinned() for place in places])
        whole = [exact(place.engine.pinned()) for place in places]
        best = await _turns(places, share, requests, whole)
        for place, ours, theirs in zip(places, served, best, strict=True):
            recalls = [
                len(set(one) & set(other)) / max(1, len(other))
                for (_, one), (_, other) in zip(ours, theirs, strict=True)
            ]
            found += [
                _latency(place, share, "served", ours, float(np.mean(recalls))),
                _latency(place, share, "exact", theirs, 1.0),
            ]
    return found


async def _turns(
    places: Sequence[Place], share: float, requests: int, snapshots: Sequence[Snapshot]
) -> list[list[tuple[float, list[str]]]]:
    """By place, what each request took, and what came; the first two warm up."""
    found: list[list[tuple[float, list[str]]]] = [[] for _ in places]
    for n in range(-2, requests):
        for place, snapshot, one in zip(places, snapshots, found, strict=True):
            asked = await place.asked(_request(place, share, n), snapshot)
            if n >= 0:
                one.append(asked)
    return found


def _latency(
    place: Place, share: float, way: str, asked: Sequence[tuple[float, list[str]]], recall: float
) -> Latency:
    low, high = np.percentile([took for took, _ in asked], [50, 90]).tolist()
    return Latency(place.items, share, way, low, high, recall)


def _request(place: Place, share: float, n: int) -> RankRequest:
    wanted = None
    if share < 1:
        shelf = f"s{n * 7919 % round(1 / share)}"
        wanted = Compare(shelf_name(share), "eq", shelf)
    return RankRequest(place.histories[n % len(place.histories)], K, filter=wanted)


async def publishing(places: Sequence[Place], changes: int, rounds: int) -> dict[int, float]:
    """Catalogue size -> milliseconds until so many changed items are in everybody's lists."""
    spent: dict[int, list[float]] = {}
    for round_ in range(rounds):
        for place in places:
            engine, ids = place.engine, place.engine.pinned().ids
            first = (round_ * 7919) % (len(ids) - changes)
            items = [
                Item(ids[row], {"shelf": f"s{round_}"}) for row in range(first, first + changes)
            ]
            began = perf_counter()
            await engine.update_items(items, engine.epoch + 1, NOW)
            spent.setdefault(place.items, []).append((perf_counter() - began) * 1000)
    return {items: median(times) for items, times in spent.items()}


async def under_change(place: Place, seconds: float) -> tuple[float, float]:
    """p99 (ms) of one at a time: while nothing changes, and while new items come all the time."""
    idle = await _p99(place, seconds)
    stop = asyncio.Event()
    changing = asyncio.create_task(_keep_adding(place.engine, stop))
    busy = await _p99(place, seconds)
    stop.set()
    await changing
    return idle, busy


async def _p99(place: Place, seconds: float) -> float:
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end:
        request = _request(place, 1.0, len(times))
        times.append((await place.asked(request, place.engine.pinned()))[0])
        await asyncio.sleep(0.001)
    return float(np.percentile(times, 99))


async def _keep_adding(engine: Engine, stop: asyncio.Event) -> None:
    """NEWER_A_SECOND items, ten times a second."""
    number = 0
    while not stop.is_set():
        began = perf_counter()
        size = NEWER_A_SECOND // 10
        items = [Item(f"newer-{number + n}", {"shelf": "new"}) for n in range(size)]
        number += size
        await engine.update_items(items, engine.epoch + 1, NOW, events=number)
        await asyncio.sleep(max(0.0, 0.1 - (perf_counter() - began)))


def readapting(place: Place, entities: Sequence[int], turns: int) -> dict[int, float]:
    """Microseconds for each of so many entities whose windows lie in memory, as after a reload.

    All of them once, a part in each turn; few entities come round again and again.
    """
    largest = max(entities)
    random = np.random.default_rng(0)
    items = random.integers(place.items, size=(largest, SHOTS), dtype=np.int32)
    frozen = place.engine.pinned().frozen
    fast = np.zeros((largest, frozen.width), np.float32)
    spent: dict[int, list[float]] = {count: [] for count in entities}
    size = largest // turns // RELOADED * RELOADED
    with torch.inference_mode():
        for turn in range(turns):
            for count in entities:
                began = perf_counter()
                for start in range(turn * size, (turn + 1) * size, RELOADED):
                    where = np.arange(start, start + RELOADED) % count
                    support = Support(
                        torch.from_numpy(items[where].astype(np.int64)),
                        torch.ones(RELOADED, SHOTS, dtype=torch.float64),
                    )
                    prior = frozen.algorithm.prior(frozen.slow, Features.none(RELOADED))
                    adapted, gates = frozen.served.personalise(prior, support)
                    fast[where] = torch.cat([adapted, gates.unsqueeze(1)], dim=1).numpy()
                spent[count].append((perf_counter() - began) / size * 1e6)
    return {count: median(times) for count, times in spent.items()}
