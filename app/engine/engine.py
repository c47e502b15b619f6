"""The engine: the current snapshot, the device and the batcher behind one small face."""

from asyncio import Lock
from collections.abc import Iterable

from app.domain import Item
from app.engine.batcher import Batcher
from app.engine.device import Device, DeviceName
from app.engine.packing import pack, unpack
from app.engine.ranker import rank
from app.engine.request import Ranked, RankRequest
from app.engine.snapshot import Frozen, Snapshot
from app.errors import WeightsMissing
from models.weights import MetaWeights


class Engine:
    """Owns the live catalogue and swaps whole snapshots; a request keeps the one it began with."""

    def __init__(self, *, device: DeviceName, batch_limit: int, queue_limit: int) -> None:
        self._device = Device(device)
        self._batcher = Batcher(self._rank_many, batch_limit=batch_limit, queue_limit=queue_limit)
        self._snapshot: Snapshot | None = None
        self._catalogue: dict[str, Item] = {}
        self._epoch = 0
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
        return self._epoch

    def pinned(self) -> Snapshot:
        """The snapshot to answer from. Raises `WeightsMissing` if there is none yet."""
        if self._snapshot is None:
            raise WeightsMissing("the configured directory")
        return self._snapshot

    async def rank(self, snapshot: Snapshot, request: RankRequest, within: float) -> Ranked:
        """Raises `Overloaded`, or `TimeoutError` after `within` seconds."""
        return await self._batcher.rank(snapshot, request, within)

    async def prepare(self, weights: MetaWeights, now: int) -> Snapshot:
        """Build a snapshot of `weights` under the current catalogue and rank with it once."""
        frozen = await self._device.run(Frozen.load, weights, self._device)
        catalogue, epoch = dict(self._catalogue), self._epoch
        snapshot = await self._device.run(Snapshot.build, frozen, catalogue, epoch, now)
        await self._rank_many(snapshot, [RankRequest(shots=(), k=1)])
        return snapshot

    async def swap(self, prepared: Snapshot, now: int) -> None:
        """Serve from `prepared`, once it holds the catalogue changes that came in meanwhile."""
        async with self._changing:
            self._snapshot = await self._current(prepared, now)

    async def update_items(self, items: Iterable[Item], epoch: int, now: int) -> None:
        """Apply catalogue changes up to `epoch`; the next request sees them."""
        async with self._changing:
            self._catalogue.update({item.item_id: item for item in items})
            self._epoch = max(self._epoch, epoch)
            await self._refresh(now)

    async def refresh(self, now: int) -> None:
        """Rebuild the live world if the catalogue or the clock has moved on."""
        async with self._changing:
            await self._refresh(now)

    async def _refresh(self, now: int) -> None:
        if self._snapshot is not None:
            self._snapshot = await self._current(self._snapshot, now)

    async def _current(self, snapshot: Snapshot, now: int) -> Snapshot:
        """`snapshot` itself, or its successor under the catalogue and the clock of now."""
        expired = snapshot.stale_at is not None and snapshot.stale_at <= now
        if snapshot.epoch == self._epoch and not expired:
            return snapshot
        return await self._device.run(
            Snapshot.build, snapshot.frozen, self._catalogue, self._epoch, now, snapshot
        )

    async def _rank_many(self, snapshot: Snapshot, requests: list[RankRequest]) -> list[Ranked]:
        batch = pack(snapshot, requests)
        ranked = await self._device.run(rank, self._device, snapshot, batch)
        return unpack(snapshot, requests, batch, ranked)
