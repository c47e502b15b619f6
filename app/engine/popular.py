"""What everyone gets: the answer when the device cannot be asked."""

from dataclasses import dataclass
from functools import cached_property

import torch

from app.engine.best import best_columns
from app.engine.ids import ItemIds
from app.engine.layout import Layout
from app.engine.live import Live

LIMIT = 2_000


@dataclass(frozen=True, eq=False)
class Popular:
    rows: torch.Tensor
    """[M] at most LIMIT rows."""
    scores: torch.Tensor
    """[M]; -inf for what may not be shown."""
    ids: ItemIds

    @classmethod
    def of(cls, layout: Layout, live: Live) -> "Popular":
        """As long as trained items stay as popular as they were, the first of them will do."""
        frozen = layout.frozen
        known, closed = len(frozen.rows), live.closed.values
        trained = frozen.first if frozen.accruing else torch.arange(known, device=closed.device)
        if len(trained) < known and int((~closed[trained]).sum()) < LIMIT:
            trained = torch.arange(known, device=closed.device)
        newer = torch.arange(known, len(layout), device=closed.device)
        rows = torch.cat([trained, newer])
        scores = torch.cat([frozen.everyone[trained], layout.newer_everyone.values])
        if frozen.accruing:
            scores[len(trained) :] += live.shift.values
        else:
            scores += live.shift.values
        scores = scores.masked_fill(closed[rows], -torch.inf).unsqueeze(0)
        ids = layout.ids
        values, columns = best_columns(scores, LIMIT, 0, lambda column: ids[int(rows[column])])
        return cls(rows[columns[0]], values[0], ids)

    @cached_property
    def pairs(self) -> tuple[tuple[str, float], ...]:
        """(item id, score), best first."""
        pairs = [
            (self.ids[row], round(score, 6))
            for row, score in zip(self.rows.tolist(), self.scores.tolist(), strict=True)
            if score > -torch.inf
        ]
        return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
