"""Which rows may come to the top: few enough to be scored again in double precision.

Where few rows may be shown at all, or an index can tell which ones matter, only those are scored;
else the whole catalogue is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import starmap
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from app.engine import bits
from app.engine.best import best_columns
from app.engine.bits import Bits
from app.engine.device import Device
from app.engine.filters import Filter, passing
from app.engine.pools import MARGIN, Asked, pools_of
from app.engine.port import RankBatch
from app.engine.snapshot import Snapshot
from models.shapes import Personal


class Nominated(NamedTuple):
    rows: Tensor
    """[B, M] int64; 0 where unused."""
    added: Tensor
    """[B, M] float32 what is recalled of them, and live popularity."""
    used: Tensor
    """[B, M] bool"""


def nominate(device: Device, snapshot: Snapshot, asked: Asked) -> Nominated:
    """Of B entities, the best in single precision of all that may be shown to them."""
    shown = _Shown.of(snapshot, asked.batch)
    pools = pools_of(snapshot, asked, shown.to)
    whole = [entity for entity, pool in enumerate(pools) if pool is None]
    if len(whole) == len(pools):
        return _of_all(device, snapshot, asked, whole, shown)
    found: dict[int, Nominated] = {}
    if whole:
        best = _of_all(device, snapshot, asked, whole, shown)
        parts = zip(*(torch.split(part, 1) for part in best), strict=True)
        found = dict(zip(whole, starmap(Nominated, parts), strict=True))
    for entity, pool in enumerate(pools):
        if pool is not None:
            found[entity] = _of_some(device, snapshot, asked, entity, device.rows(pool))
    return _stacked([found[entity] for entity in range(len(pools))], device)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What may be shown to each entity, whatever candidates there are; told where it is asked."""

    open: Bits
    batch: RankBatch
    passing: Mapping[Filter, Bits]

    @classmethod
    def of(cls, snapshot: Snapshot, batch: RankBatch) -> "_Shown":
        wanted = {one: passing(one, snapshot.columns) for one in set(batch.filters) if one}
        return cls(snapshot.open, batch, wanted)

    def to(self, entity: int) -> Bits:
        chosen, excluded = self.batch.filters[entity], self.batch.excluded[entity]
        may = self.open if chosen is None else self.open & self.passing[chosen]
        return bits.without(may, excluded) if len(excluded) else may


def _of_all(
    device: Device, snapshot: Snapshot, asked: Asked, entities: list[int], shown: _Shown
) -> Nominated:
    """Of some entities the best of the whole catalogue."""
    frozen, personal = snapshot.frozen, asked.personal
    items, recalled = asked.recollection
    if len(entities) < len(asked.batch.filters):
        whose = torch.tensor(entities, device=device.torch)
        personal = Personal(*(part[whose] for part in personal))
        items, recalled = items[whose], recalled[whose]
    scores = _scores(snapshot, asked, personal, entities)
    added = torch.zeros_like(scores)
    added.scatter_add_(1, items, recalled.to(added))
    if snapshot.has_recollected:
        layout, known = snapshot.layout, len(frozen.rows)
        added[:, known:] = frozen.algorithm.recollect_newer(
            frozen.slow,
            personal,
            layout.kin.mean(added[:, :known]),
            layout.kin.shares.sum(1),
            layout.moved,
        )
    if frozen.accruing < added.shape[1]:
        added[:, frozen.accruing :] += snapshot.live.shift.values
    for place, entity in enumerate(entities):
        if asked.batch.wishes[entity]:
            added[place] += device.put(asked.wished[asked.batch.wishes[entity]])
    scores += added
    _hide(device, snapshot, asked.batch, entities, shown, scores)
    values, rows = best_columns(scores, asked.wanted, MARGIN, snapshot.ids.__getitem__)
    return Nominated(rows, added.gather(1, rows), values > -torch.inf)


def _scores(snapshot: Snapshot, asked: Asked, personal: Personal, entities: list[int]) -> Tensor:
    """[E, N] what their scores are before anything is added."""
    frozen, layout = snapshot.frozen, snapshot.layout
    if asked.directions is None:
        scores = [frozen.algorithm.score(frozen.slow, personal, part) for part in layout.parts]
    else:
        directions = asked.directions[entities].to(frozen.across)
        scores = [directions @ part for part in layout.across]
    return scores[0] if len(scores) == 1 else torch.cat(scores, dim=1)


def _hide(
    device: Device,
    snapshot: Snapshot,
    batch: RankBatch,
    entities: list[int],
    shown: _Shown,
    scores: Tensor,
) -> None:
    """Takes out of `scores` [E, N] what may not be shown."""
    scores.masked_fill_(snapshot.live.closed.values, -torch.inf)
    items = scores.shape[1]
    cells = [place * items + batch.excluded[entity] for place, entity in enumerate(entities)]
    scores.view(-1).index_fill_(0, device.rows(np.concatenate(cells)), -torch.inf)
    for place, entity in enumerate(entities):
        if batch.filters[entity] is not None:
            may = torch.from_numpy(bits.mask(shown.to(entity), len(snapshot.ids)))
            scores[place].masked_fill_(~may.to(device.torch), -torch.inf)


def _of_some(
    device: Device, snapshot: Snapshot, asked: Asked, entity: int, rows: Tensor
) -> Nominated:
    """For one entity the best of `rows` [M], which it may all be shown."""
    frozen, personal = snapshot.frozen, asked.alone(entity)
    added = added_to(device, snapshot, asked, entity, rows)
    values = frozen.algorithm.score(frozen.slow, personal, snapshot.layout.rows(rows)) + added
    ids = snapshot.ids
    _, best = best_columns(values, asked.wanted, MARGIN, lambda column: ids[int(rows[column])])
    chosen = rows[best]
    return Nominated(chosen, added[best], torch.ones_like(chosen, dtype=torch.bool))


def added_to(device: Device, snapshot: Snapshot, asked: Asked, entity: int, rows: Tensor) -> Tensor:
    """[M] float32 what one entity's scores of `rows` [M] are raised by."""
    frozen, layout = snapshot.frozen, snapshot.layout
    items, recalled = (part[entity] for part in asked.recollection)
    added = device.scratch.summed(items, recalled, rows, len(layout))
    if snapshot.has_recollected:
        newer = rows >= len(frozen.rows)
        places = rows[newer] - len(frozen.rows)
        kin, shares = layout.kin.items[places], layout.kin.shares[places]
        of_kin = device.scratch.summed(items, recalled, kin.flatten(), len(layout))
        added[newer] = frozen.algorithm.recollect_newer(
            frozen.slow,
            asked.alone(entity),
            (of_kin.view_as(shares) * shares).sum(1),
            shares.sum(1),
            None if layout.moved is None else layout.moved[places],
        )[0].to(added)
    late = rows >= frozen.accruing
    added[late] += snapshot.live.shift.values[rows[late] - frozen.accruing]
    if wishes := asked.batch.wishes[entity]:
        added += device.put(asked.wished[wishes])[rows]
    return added


def _stacked(found: list[Nominated], device: Device) -> Nominated:
    """[B, M] of parts [1, .]."""
    width = max((part.rows.shape[1] for part in found), default=0)
    shape = (len(found), width)
    together = Nominated(
        torch.zeros(shape, dtype=torch.int64, device=device.torch),
        torch.zeros(shape, device=device.torch),
        torch.zeros(shape, dtype=torch.bool, device=device.torch),
    )
    for entity, parts in enumerate(found):
        for whole, part in zip(together, parts, strict=True):
            whole[entity, : part.shape[1]] = part[0]
    return together
