"""The live world: which items may be shown, and how popular the newer ones have become."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.domain import Item
from app.engine.grown import Grown
from app.engine.layout import Layout


@dataclass(frozen=True, slots=True)
class Live:
    """Of the N items of a layout, of which A accrue popularity: the last ones, or all."""

    closed: Grown
    """[N] bool: may not be shown now."""
    events: Grown
    """[A] positive events on the item."""
    unseen: Grown
    """[A] positive events on any item while this one could not be met."""
    shift: Grown
    """[A] float32 what live events add to everybody's scores."""
    counted: int
    """The positive events on all items that `shift` goes by."""
    timed: Mapping[str, Item]
    """Items that come or go by the clock."""
    next_change: int | None
    """When (ms) one of them comes or goes next."""

    @classmethod
    def of(cls, layout: Layout, events: int) -> "Live":
        """Of items of which nothing else is known: they may be shown, and had no events."""
        frozen = layout.frozen
        closed = torch.zeros(len(layout), dtype=torch.bool, device=frozen.device.torch)
        counts = torch.zeros_like(closed[frozen.accruing :], dtype=frozen.device.precision)
        zeros = Grown.of(counts)
        live = cls(Grown.of(closed), zeros, zeros, Grown.of(counts.float()), events, {}, None)
        return _shifted(live, layout, None)

    def after(self, layout: Layout, items: Collection[Item], now: int, events: int) -> "Live":
        """With what `items` have become, at a time (ms); `events` are all that were counted."""
        told = {item.item_id: item for item in items}
        timed = self._timed(told)
        due = self.next_change is not None and self.next_change <= now
        opening = {**timed, **told} if due else told
        where = {item_id: layout.row(item_id) for item_id in opening}
        accrues = [item for item in told.values() if where[item.item_id] >= layout.frozen.accruing]
        places = [where[item.item_id] - layout.frozen.accruing for item in accrues]
        live = Live(
            closed=_told(
                self.closed,
                list(where.values()),
                [not one.is_open(now) for one in opening.values()],
            ),
            events=_told(self.events, places, [item.events for item in accrues]),
            unseen=_told(self.unseen, places, [item.unseen for item in accrues]),
            shift=self.shift,
            counted=events,
            timed=timed,
            next_change=self._next_change(timed if due else told, now, due),
        )
        return _shifted(live, layout, places if events == self.counted else None)

    def _timed(self, told: Mapping[str, Item]) -> Mapping[str, Item]:
        coming = {item_id: item for item_id, item in told.items() if _is_timed(item)}
        if not coming and self.timed.keys().isdisjoint(told):
            return self.timed
        kept = {item_id: item for item_id, item in self.timed.items() if item_id not in told}
        return {**kept, **coming}

    def _next_change(self, items: Mapping[str, Item], now: int, due: bool) -> int | None:
        """Where nothing was due, what is to come of other items stays to come."""
        moments = [
            moment
            for item in items.values()
            for moment in (item.available_from, item.available_until)
            if moment is not None and moment > now
        ]
        if self.next_change is not None and not due:
            moments.append(self.next_change)
        return min(moments, default=None)


def _shifted(live: Live, layout: Layout, places: list[int] | None) -> Live:
    """With the shift of all, or only of some places, for it goes by an item's own events."""
    if places is None:
        rows = layout.rows_from(layout.frozen.accruing)
        return replace(live, shift=Grown.of(_shift(live, layout, rows, slice(None))))
    if not places:
        return live
    some = torch.tensor(places, device=layout.frozen.device.torch)
    added = _shift(live, layout, layout.rows(some + layout.frozen.accruing), some)
    return replace(live, shift=live.shift.changed(places, added))


def _shift(live: Live, layout: Layout, rows: Tensor, places: Tensor | slice) -> Tensor:
    """[.] float32 what live events add to the scores of `rows` [., D], those of `places`."""
    if not len(rows):
        return live.shift.values[:0]
    frozen, events, unseen = layout.frozen, live.events.values, live.unseen.values
    chances = (live.counted - unseen[places]).clamp_min(0)
    return frozen.algorithm.popularity_shift(frozen.accrual, rows, events[places], chances).float()


def _is_timed(item: Item) -> bool:
    return item.available_from is not None or item.available_until is not None


def _told(old: Grown, places: list[int], values: list[bool] | list[int]) -> Grown:
    return old.changed(places, torch.tensor(values))
