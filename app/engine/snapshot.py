"""What one answer is made from: frozen meta-weights and the live items, never changed in place."""

from collections.abc import Collection
from dataclasses import dataclass

from app.domain import Item
from app.engine import bits
from app.engine.bits import Bits
from app.engine.frozen import Frozen
from app.engine.ids import ItemIds
from app.engine.layout import Layout
from app.engine.live import Live
from app.engine.popular import Popular


@dataclass(frozen=True, slots=True)
class Snapshot:
    layout: Layout
    live: Live
    epoch: int
    everyones: Popular
    open: Bits
    """[N] which rows may be shown."""

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
        items: Collection[Item],
        epoch: int,
        events: int,
        now: int,
        previous: Live | None = None,
    ) -> "Snapshot":
        """`items` are all of the catalogue, or what changed since `previous`.

        `events` are all that were counted at `epoch`.
        """
        before = Live.of(layout, events) if previous is None else previous
        live = before.after(layout, items, now, events)
        shown = bits.pack(~live.closed.values.cpu().numpy())
        return cls(layout, live, epoch, Popular.of(layout, live), shown)
