"""Which rows may come to the top: few enough to be scored again in double precision.

Where few rows may be shown at all, or an index can tell which ones matter, only those are scored;
else the whole catalogue is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from app.engine import bits
from app.engine.best import best_columns
from app.engine.bits import Bits
from app.engine.device import Device
from app.engine.port import Ints, RankBatch
from app.engine.snapshot import Snapshot
from models.shapes import Personal, Recollection

MARGIN = 32
"""Candidates beyond k, for single precision may order neighbours the other way round."""


@dataclass(frozen=True, slots=True)
class Asked:
    batch: RankBatch
    personal: Personal
    recollection: Recollection

    @property
    def wanted(self) -> int:
        return self.batch.results

    def alone(self, entity: int) -> Personal:
        return Personal(*(part[entity : entity + 1] for part in self.personal))


class Nominated(NamedTuple):
    rows: Tensor
    """[B, M] int64; 0 where unused."""
    added: Tensor
    """[B, M] float32 what is recalled of them, and live popularity."""
    used: Tensor
    """[B, M] bool"""


def nominate(device: Device, snapshot: Snapshot, asked: Asked) -> Nominated:
    """Of B entities, the best in single precision of all that may be shown to them."""
    shown = [_shown(snapshot, asked.batch, entity) for entity in range(len(asked.batch.fast))]
    pools = [_pool(asked.batch, entity, may) for entity, may in enumerate(shown)]
    whole = [entity for entity, pool in enumerate(pools) if pool is None]
    found = dict(zip(whole, _of_all(device, snapshot, asked, whole), strict=True))
    for entity, pool in enumerate(pools):
        if pool is not None:
            found[entity] = _of_some(device, snapshot, asked, entity, device.rows(pool))
    return _stacked([found[entity] for entity in range(len(pools))], device)


def _shown(snapshot: Snapshot, batch: RankBatch, entity: int) -> Bits:
    """What may be shown to one entity, whatever candidates there are."""
    excluded = batch.excluded[entity]
    return bits.without(snapshot.open, excluded) if len(excluded) else snapshot.open


def _pool(batch: RankBatch, entity: int, shown: Bits) -> Ints | None:
    """All rows that may come to the top, or None if it takes the whole catalogue to know."""
    candidates = batch.candidates[entity]
    if candidates is not None:
        return candidates[bits.held(shown, candidates)]
    return None


def _of_all(
    device: Device, snapshot: Snapshot, asked: Asked, entities: list[int]
) -> Iterable[Nominated]:
    """For each of some entities the best of the whole catalogue."""
    if not entities:
        return ()
    layout, frozen = snapshot.layout, snapshot.frozen
    whose = torch.tensor(entities, device=device.torch)
    personal = Personal(*(part[whose] for part in asked.personal))
    scores = torch.cat(
        [frozen.algorithm.score(frozen.slow, personal, part) for part in layout.parts], dim=1
    )
    added = torch.zeros_like(scores)
    items, recalled = (part[whose] for part in asked.recollection)
    added.scatter_add_(1, items, recalled.to(added))
    added[:, frozen.accruing :] += snapshot.live.shift.values
    scores += added
    scores.masked_fill_(snapshot.live.closed.values, -torch.inf)
    for place, entity in enumerate(entities):
        scores[place, device.rows(asked.batch.excluded[entity])] = -torch.inf
    values, rows = best_columns(scores, asked.wanted, MARGIN, snapshot.ids.__getitem__)
    parts = (rows, added.gather(1, rows), values > -torch.inf)
    return map(Nominated, *(torch.split(part, 1) for part in parts))


def _of_some(
    device: Device, snapshot: Snapshot, asked: Asked, entity: int, rows: Tensor
) -> Nominated:
    """For one entity the best of `rows` [M], which it may all be shown."""
    frozen, personal = snapshot.frozen, asked.alone(entity)
    recalled = torch.zeros(len(snapshot.layout), device=device.torch)
    items, scores = (part[entity] for part in asked.recollection)
    recalled.scatter_add_(0, items, scores.to(recalled))
    added = recalled[rows]
    late = rows >= frozen.accruing
    added[late] += snapshot.live.shift.values[rows[late] - frozen.accruing]
    values = frozen.algorithm.score(frozen.slow, personal, snapshot.layout.rows(rows)) + added
    ids = snapshot.ids
    _, best = best_columns(values, asked.wanted, MARGIN, lambda column: ids[int(rows[column])])
    chosen = rows[best]
    return Nominated(chosen, added[best], torch.ones_like(chosen, dtype=torch.bool))


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
