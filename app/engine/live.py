"""The live world: which items may be shown, and how popular the newer ones have become."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from app.domain import Item
from app.engine.layout import Layout


@dataclass(frozen=True, slots=True)
class Live:
    """Of the N items of a layout."""

    closed: Tensor
    """[N] bool: may not be shown now."""
    events: Tensor
    """[N] positive events on the item."""
    unseen: Tensor
    """[N] positive events on any item while this one could not be met."""
    timed: Mapping[str, Item]
    """Items that come or go by the clock."""

    @classmethod
    def of(cls, layout: Layout) -> "Live":
        """Of items of which nothing else is known: they may be shown, and had no events."""
        device = layout.frozen.device
        counts = torch.zeros(len(layout.rows), dtype=device.precision, device=device.torch)
        return cls(counts.bool(), counts, counts, {})

    def after(self, layout: Layout, items: Collection[Item], now: int) -> "Live":
        """With what `items` have become, at a time (ms)."""
        told = {item.item_id: item for item in items}
        timed = {**self.timed, **told}
        touched = list(timed.values())
        where = [layout.index[item_id] for item_id in timed]

        def with_told(old: Tensor, values: list[float]) -> Tensor:
            grown = torch.cat([old, old.new_zeros(len(layout.rows) - len(old))])
            grown[where] = torch.tensor(values, dtype=old.dtype, device=old.device)
            return grown

        return Live(
            closed=with_told(self.closed, [not item.is_open(now) for item in touched]),
            events=with_told(self.events, [item.events for item in touched]),
            unseen=with_told(self.unseen, [item.unseen for item in touched]),
            timed={
                item_id: item
                for item_id, item in timed.items()
                if item.available_from is not None or item.available_until is not None
            },
        )

    def offsets(self, layout: Layout, events: int) -> Tensor:
        """[N] float32 what is added to everybody's scores; `events` are all that were counted."""
        frozen, first = layout.frozen, layout.frozen.accruing
        chances = (events - self.unseen[first:]).clamp_min(0)
        shift = torch.zeros_like(self.events)
        shift[first:] = frozen.algorithm.popularity_shift(
            frozen.slow, layout.rows[first:], self.events[first:], chances
        )
        return shift.float().masked_fill(self.closed, -torch.inf)

    def next_change(self, now: int) -> int | None:
        """When (ms) an availability window opens or closes next."""
        moments = (
            moment
            for item in self.timed.values()
            for moment in (item.available_from, item.available_until)
            if moment is not None and moment > now
        )
        return min(moments, default=None)
