"""What one answer is made from: frozen meta-weights and the live items, never changed in place."""

from dataclasses import dataclass

import numpy as np

from app.engine import bits
from app.engine.bits import Bits
from app.engine.columns import Columns
from app.engine.frozen import Frozen
from app.engine.ids import ItemIds
from app.engine.layout import Layout
from app.engine.live import Live
from app.engine.popular import Popular
from app.engine.port import Ints


@dataclass(frozen=True, slots=True)
class Snapshot:
    layout: Layout
    live: Live
    epoch: int
    everyones: Popular
    columns: Columns
    """What is told of the N items."""
    open: Bits
    """[N] which rows may be shown."""
    overlay: Ints
    """Rows that the index does not know, or that have risen since: they are always scored."""

    @property
    def frozen(self) -> Frozen:
        return self.layout.frozen

    @property
    def version(self) -> str:
        return self.frozen.version

    @property
    def ids(self) -> ItemIds:
        return self.layout.ids

    @property
    def has_recollected(self) -> bool:
        """Whether there are newer items for which what is recalled of their kin counts."""
        return self.frozen.recollects_newer and len(self.layout.newer) > 0

    @property
    def popular(self) -> tuple[tuple[str, float], ...]:
        """What everyone gets, best first: the answer when the device cannot be asked."""
        return self.everyones.pairs

    @property
    def stale_at(self) -> int | None:
        """When (ms) an availability window opens or closes next."""
        return self.live.next_change

    def knows(self, item_id: str) -> bool:
        return self.ids.row(item_id) is not None

    def shows(self, item_id: str) -> bool:
        row = self.ids.row(item_id)
        return row is not None and not bool(self.live.closed.values[row])

    @classmethod
    def build(
        cls,
        layout: Layout,
        live: Live,
        columns: Columns,
        epoch: int,
    ) -> "Snapshot":
        """Of what holds at `epoch`."""
        return cls(
            layout=layout,
            live=live,
            epoch=epoch,
            everyones=Popular.of(layout, live),
            columns=columns,
            open=bits.pack(~live.closed.values.cpu().numpy()),
            overlay=_overlay(layout, live),
        )


def _overlay(layout: Layout, live: Live) -> Ints:
    """Events raise popularity above that of items without any, which keep their order."""
    frozen = layout.frozen
    known = len(frozen.rows)
    newer = np.arange(known, len(layout))
    if frozen.search is None or frozen.accruing >= known:
        return newer
    shift = live.shift.values[: known - frozen.accruing].numpy()
    risen = np.flatnonzero(shift > shift.min()) + frozen.accruing
    return np.concatenate([risen, newer])
