"""The engine: the current snapshot, the device and the batcher behind one small face."""

from asyncio import Lock, to_thread
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from app.domain import Item
from app.engine.audience import interest
from app.engine.batcher import Batcher
from app.engine.columns import Columns
from app.engine.device import Device, DeviceName
from app.engine.frozen import Frozen, Newcomers, mapped
from app.engine.layout import Layout
from app.engine.live import Live
from app.engine.packing import pack, unpack
from app.engine.port import Floats, Ints
from app.engine.ranker import rank
from app.engine.request import Ranked, RankRequest
from app.engine.snapshot import Snapshot
from app.errors import WeightsMissing
from app.metrics import observe_device
from models import smoke
from models.weights import MetaWeights

CONTENTS, CELLS = 256, 2_000_000
"""Rows of newer items that are made at a time, at most; and how many pairs of them with rows of the
catalogue, whose kin they may be: requests are ranked in between.
"""
TOLD = 10_000
"""Items that are opened and closed at a time."""


class Moment(NamedTuple):
    """Up to where catalogue changes are known."""

    epoch: int
    events: int
    """The positive ones that were counted on all items by then."""


class Engine:
    """Owns the live catalogue and swaps whole snapshots; a request keeps the one it began with."""

    def __init__(
        self,
        *,
        device: DeviceName,
        batch_limit: int,
        queue_limit: int,
        folder: Path | None = None,
    ) -> None:
        """What is large is made once for all workers, in `folder`; without one, for this alone."""
        self._device = Device(device)
        self._folder = folder
        self._batcher = Batcher(self._rank_many, batch_limit=batch_limit, queue_limit=queue_limit)
        self._snapshot: Snapshot | None = None
        self._catalogue: dict[str, Item] = {}
        self._told = Moment(0, 0)
        self._changing = Lock()

    def start(self) -> None:
        self._batcher.start()

    async def close(self) -> None:
        await self._batcher.close()
        self._device.close()

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @property
    def epoch(self) -> int:
        """The last catalogue change that answers take into account."""
        return self._told.epoch

    def pinned(self) -> Snapshot:
        """The snapshot to answer from. Raises `WeightsMissing` if there is none yet."""
        if self._snapshot is None:
            raise WeightsMissing("the configured directory")
        return self._snapshot

    async def rank(self, snapshot: Snapshot, request: RankRequest, within: float) -> Ranked:
        """Raises `Overloaded`, or `TimeoutError` after `within` seconds."""
        return await self._batcher.rank(snapshot, request, within)

    async def interest(
        self, snapshot: Snapshot, requests: list[RankRequest], item_id: str
    ) -> list[float]:
        """[B] how much of each one's interest an item has; see `app.engine.audience`."""
        return await self._device.run(interest, self._device, snapshot, requests, item_id)

    async def vectors(self, snapshot: Snapshot, item_ids: Sequence[str]) -> Floats:
        """[M, d] of items that have a row: alike where the same people like them."""
        rows = np.array([snapshot.layout.row(item_id) for item_id in item_ids], np.int64)
        return await self._device.run(_vectors, self._device, snapshot, rows)

    async def prepare(self, weights: MetaWeights, now: int) -> Snapshot:
        """Build a snapshot of `weights` under the current catalogue and rank with it once.

        Raises `WeightsRejected`, `WeightsError`, or whatever becomes of tensors that do not fit.
        """
        await self._device.run(smoke.check, weights)
        weights = await to_thread(mapped, weights, self._folder)
        frozen = await self._device.run(Frozen.load, weights, self._device)
        frozen = await to_thread(frozen.indexed, self._folder)
        layout = await self._device.run(Layout.of, frozen)
        snapshot = await self._lay(layout, list(self._catalogue.values()), now, self._told)
        await self._rank_many(snapshot, [RankRequest(shots=(), k=1)])
        return snapshot

    async def swap(self, prepared: Snapshot, now: int) -> None:
        """Serve from `prepared`, once it holds the catalogue changes that came in meanwhile."""
        async with self._changing:
            if prepared.epoch != self._told.epoch:
                items = list(self._catalogue.values())
                prepared = await self._lay(prepared.layout, items, now, self._told)
            self._snapshot = prepared

    async def update_items(
        self, items: Collection[Item], epoch: int, now: int, events: int = 0
    ) -> None:
        """Apply catalogue changes up to `epoch`; the next request sees them.

        `events` are the positive ones that were counted on all items by then.
        """
        async with self._changing:
            if epoch <= self._told.epoch:
                return
            self._catalogue.update({item.item_id: item for item in items})
            await self._follow(items, now, Moment(epoch, events))
            self._told = Moment(epoch, events)  # only now: what fails is told again

    async def refresh(self, now: int) -> None:
        """Open and close what the clock says."""
        async with self._changing:
            stale_at = self._snapshot.stale_at if self._snapshot else None
            if stale_at is not None and stale_at <= now:
                await self._follow((), now, self._told)

    async def _follow(self, changed: Collection[Item], now: int, told: Moment) -> None:
        if self._snapshot is not None:
            before = self._snapshot
            self._snapshot = await self._lay(before.layout, changed, now, told, before)

    async def _lay(
        self,
        layout: Layout,
        items: Collection[Item],
        now: int,
        moment: Moment,
        before: Snapshot | None = None,
    ) -> Snapshot:
        """All items of the catalogue, or those that changed since `before`, over a layout."""
        epoch, events = moment
        told = list({item.item_id: item for item in items}.values())
        lacking, made = layout.lacks(told), list[Newcomers]()
        together = max(1, min(CONTENTS, CELLS // max(1, len(layout))))
        for start in range(0, len(lacking), together):
            some = lacking[start : start + together]
            made.append(await self._device.run(layout.frozen.newcomers, some))
        if made:
            layout = await self._device.run(layout.joined_by, lacking, made)
        rows, properties = (
            [layout.row(one.item_id) for one in told],
            [one.properties for one in told],
        )
        columns = before.columns if before else Columns()
        columns = await to_thread(columns.changed, rows, properties, len(layout))
        live = before.live if before else await self._device.run(Live.of, layout, events)
        for start in range(0, max(1, len(told)), TOLD):
            some = told[start : start + TOLD]
            live = await self._device.run(live.after, layout, some, now, events)
        return await self._device.run(Snapshot.build, layout, live, columns, epoch)

    async def _rank_many(self, snapshot: Snapshot, requests: list[RankRequest]) -> list[Ranked]:
        batch = pack(snapshot, requests)
        ranked = await self._device.run(rank, self._device, snapshot, batch)
        answers = unpack(snapshot, requests, batch, ranked)
        adapted = sum(answer.fast is not None for answer in answers)
        observe_device(adapted, ranked.adapt_seconds, ranked.rank_seconds)
        return answers


def _vectors(device: Device, snapshot: Snapshot, rows: Ints) -> Floats:
    """Rows of the item matrix end in bias and popularity."""
    vectors: Floats = snapshot.layout.rows(device.rows(rows))[:, :-2].float().cpu().numpy()
    return vectors
