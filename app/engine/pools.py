"""For whom it takes less than the whole catalogue to know what comes first: few rows, or an index.

What is recalled, what the index does not know and what has risen since it was made is always
scored, so that the index decides only between rows of which it knows all.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from torch import Tensor

from app.engine import bits
from app.engine.bits import Bits
from app.engine.index import Floats
from app.engine.port import Ints, RankBatch
from app.engine.snapshot import Snapshot
from app.engine.wishes import Wish
from models.algorithms.matching import Matching
from models.algorithms.queries import queries
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
    directions: Tensor | None
    """[B, D] what rows are multiplied with; None where scores are not one dot product."""
    wished: Mapping[tuple[Wish, ...], Floats]
    """[N] by the wishes of the batch, what they add to the scores."""

    @property
    def wanted(self) -> int:
        return self.batch.results

    def alone(self, entity: int) -> Personal:
        return Personal(*(part[entity : entity + 1] for part in self.personal))


def pools_of(snapshot: Snapshot, asked: Asked, shown: Callable[[int], Bits]) -> list[Ints | None]:
    """For each entity all rows that may come to the top; None if only the whole catalogue tells.

    `shown` tells what may be shown to an entity.
    """
    frozen = snapshot.frozen
    searched: Iterable[Tensor | None] = repeat(None)
    if frozen.search is not None and asked.directions is not None:
        searched = asked.directions.unsqueeze(1)
    elif frozen.search is not None and isinstance(frozen.algorithm, Matching):
        width = frozen.rows.shape[1]
        searched = queries(frozen.algorithm, frozen.slow, asked.personal, width)
    pools: list[Ints | None] = []
    for entity, (candidates, vectors) in enumerate(
        zip(asked.batch.candidates, searched, strict=False)
    ):
        if candidates is not None:
            pools.append(candidates[bits.held(shown(entity), candidates)])
        elif vectors is None or asked.batch.wishes[entity]:
            pools.append(None)
        else:
            recalled = asked.recollection.items[entity].numpy()
            pools.append(
                _pool(snapshot, shown(entity), recalled, vectors.float().numpy(), asked.wanted)
            )
    return pools


def _pool(
    snapshot: Snapshot, shown: Bits, recalled: Ints, vectors: Floats, results: int
) -> Ints | None:
    """What the index finds, and what it cannot judge; None where it finds too little."""
    if bits.count(shown) <= GATHERED:
        return bits.rows(shown)
    assert snapshot.frozen.search is not None
    if len(snapshot.overlay) > GATHERED:
        return None
    beside = _distinct(np.concatenate([recalled, snapshot.overlay]))
    others = bits.without(shown, beside)
    wanted = min(results + MARGIN, bits.count(others))
    found = [snapshot.frozen.search.search(query, wanted, others) for query in vectors]
    if min(map(len, found)) < wanted:
        return None
    first = found[0] if len(found) == 1 else _distinct(np.concatenate(found))
    return np.concatenate([first, beside[bits.held(shown, beside)]])


def _distinct(rows: Ints) -> Ints:
    """Each once, in ascending order; numpy's own way takes ten times as long for some thousands."""
    ordered = np.sort(rows)
    return ordered[np.diff(ordered, prepend=-1) > 0]
