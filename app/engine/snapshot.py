"""What one answer is made from: frozen meta-weights and the live items, never changed in place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from app.domain import Item
from app.engine.best import best_rows
from app.engine.frozen import Frozen
from app.engine.layout import Layout
from app.engine.live import Live

POPULAR_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    layout: Layout
    live: Live
    epoch: int
    offsets: Tensor
    """[N] float32, added to everybody's scores: live popularity; -inf for what may not be shown."""
    popular: tuple[tuple[str, float], ...]
    """What everyone gets, best first: the answer when the device cannot be asked."""
    stale_at: int | None
    """When (ms) an availability window opens or closes next."""

    @property
    def frozen(self) -> Frozen:
        return self.layout.frozen

    @property
    def version(self) -> str:
        return self.frozen.version

    @property
    def index(self) -> Mapping[str, int]:
        return self.layout.index

    @property
    def item_ids(self) -> tuple[str, ...]:
        return self.layout.item_ids

    @property
    def rows(self) -> Tensor:
        """[N, D] float32"""
        return self.layout.rows

    def knows(self, item_id: str) -> bool:
        return item_id in self.layout.index

    def shows(self, item_id: str) -> bool:
        row = self.layout.index.get(item_id)
        return row is not None and not bool(self.live.closed[row])

    @classmethod
    def build(
        cls,
        layout: Layout,
        items: Collection[Item],
        epoch: int,
        events: int,
        now: int,
        previous: Live | None = None,
    ) -> "Snapshot":
        """`items` are all of the catalogue, or what changed since `previous`.

        `events` are all that were counted at `epoch`.
        """
        live = (previous or Live.of(layout)).after(layout, items, now)
        offsets = live.offsets(layout, events)
        return cls(
            layout=layout,
            live=live,
            epoch=epoch,
            offsets=offsets,
            popular=_popular(layout, offsets),
            stale_at=live.next_change(now),
        )


def _popular(layout: Layout, offsets: Tensor) -> tuple[tuple[str, float], ...]:
    scores = (layout.everyone + offsets).unsqueeze(0)
    values, rows = best_rows(scores, POPULAR_LIMIT, 0, layout.item_ids)
    pairs = [
        (layout.item_ids[row], round(score, 6))
        for row, score in zip(rows[0].tolist(), values[0].tolist(), strict=True)
        if score > -torch.inf
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
