"""For whom it takes less than the whole catalogue to know what comes first: few rows, or an index.

What is recalled, what the index does not know and what has risen since it was made is always
scored, so that the index decides only between rows of which it knows all.
"""

from dataclasses import dataclass

import numpy as np
import torch

from app.engine import bits
from app.engine.bits import Bits
from app.engine.index import Floats
from app.engine.port import Ints, RankBatch
from app.engine.snapshot import Snapshot
from models.shapes import Personal, Recollection

MARGIN = 32
"""Candidates beyond k, for single precision may order neighbours the other way round."""
GATHERED = 20_000
"""Rows that are sooner picked out and scored than searched for."""


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


def pools_of(snapshot: Snapshot, asked: Asked, shown: list[Bits]) -> list[Ints | None]:
    """For each entity all rows that may come to the top; None if only the whole catalogue tells."""
    queries = _queries(snapshot, asked.personal)
    pools: list[Ints | None] = []
    for entity, may in enumerate(shown):
        candidates = asked.batch.candidates[entity]
        if candidates is not None:
            pools.append(candidates[bits.held(may, candidates)])
        elif snapshot.frozen.search is None:
            pools.append(None)
        else:
            recalled = asked.recollection.items[entity].numpy()
            pools.append(_pool(snapshot, may, recalled, queries[entity], asked.wanted))
    return pools


def _queries(snapshot: Snapshot, personal: Personal) -> Floats:
    """[B, D] whose inner products with rows are the scores: what the unit vectors score."""
    frozen = snapshot.frozen
    if frozen.search is None:
        return np.zeros((len(personal.gate), 0), np.float32)
    units = torch.eye(frozen.rows.shape[1], device=frozen.rows.device)
    return frozen.algorithm.score(frozen.slow, personal, units).numpy()


def _pool(
    snapshot: Snapshot, shown: Bits, recalled: Ints, query: Floats, results: int
) -> Ints | None:
    """What the index finds, and what it cannot judge; None where it finds too little."""
    if bits.count(shown) <= GATHERED:
        return bits.rows(shown)
    assert snapshot.frozen.search is not None
    if len(snapshot.overlay) > GATHERED:
        return None
    beside = np.unique(np.concatenate([recalled, snapshot.overlay]))
    others = bits.without(shown, beside)
    wanted = min(results + MARGIN, bits.count(others))
    found = snapshot.frozen.search.search(query, wanted, others)
    if len(found) < wanted:
        return None
    return np.concatenate([found, beside[bits.held(shown, beside)]])
