"""The item matrix: rows that training made, then those of newer items. Never changed in place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import torch
from torch import Tensor

from app.domain import Item
from app.engine.frozen import Frozen, Newcomers
from app.engine.grown import Grown
from app.engine.ids import ItemIds
from models.shapes import Kin


@dataclass(frozen=True, slots=True)
class Layout:
    """Of F frozen rows and M newer ones; N = F + M."""

    frozen: Frozen
    ids: ItemIds
    newer: Grown
    """[M, D] float32 rows"""
    newer_everyone: Grown
    """[M] float32 their scores for a stranger."""
    kin_items: Grown
    """[M, J] int64 rows of the trained items they are most like."""
    kin_shares: Grown
    """[M, J] float32 of each of those."""
    newer_moved: Grown
    """[M] float32 how far they have gone over from content to company."""
    moved: Tensor | None
    """[M] the same, where any has."""
    contents: dict[str, str]
    """Of every newer item, what its row was made of."""

    @classmethod
    def of(cls, frozen: Frozen) -> "Layout":
        ids = ItemIds.of(frozen.item_ids, frozen.index)
        kin = frozen.newcomers([Item("")]).kin
        return cls(
            frozen,
            ids,
            Grown.of(frozen.rows[:0]),
            Grown.of(frozen.everyone[:0]),
            Grown.of(kin.items[:0]),
            Grown.of(kin.shares[:0]),
            Grown.of(frozen.everyone[:0]),
            None,
            {},
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The N rows, in parts [., D]."""
        newer = self.newer.values
        return (self.frozen.rows, newer) if len(newer) else (self.frozen.rows,)

    @property
    def across(self) -> tuple[Tensor, ...]:
        """The same in parts [D, .]."""
        newer = self.newer.values
        return (self.frozen.across, newer.T) if len(newer) else (self.frozen.across,)

    @property
    def kin(self) -> Kin:
        return Kin(self.kin_items.values, self.kin_shares.values)

    def kin_of(self, item_id: str) -> dict[str, float]:
        """By id, the shares of the trained items that one is most like; a trained one is itself."""
        place = self.row(item_id) - len(self.frozen.rows)
        if place < 0:
            return {item_id: 1.0}
        pairs = zip(self.kin.items[place].tolist(), self.kin.shares[place].tolist(), strict=True)
        shares: dict[str, float] = defaultdict(float)
        for row, share in pairs:
            shares[self.ids[row]] += share
        return {item_id: share for item_id, share in shares.items() if share > 0}

    def rows(self, places: Tensor) -> Tensor:
        """[..., D] the rows of these places."""
        flat, known = places.flatten(), len(self.frozen.rows)
        rows = self.frozen.rows.index_select(0, flat.clamp_max(known - 1))
        if len(self.newer):
            late = (flat >= known).nonzero().squeeze(1)
            rows[late] = self.newer.values[flat[late] - known]
        return rows.view(*places.shape, rows.shape[1])  # there may be none

    def rows_from(self, first: int) -> Tensor:
        """[N - first, D]"""
        known = len(self.frozen.rows)
        return (
            self.newer.values[first - known :] if first >= known else torch.cat(self.parts)[first:]
        )

    def row(self, item_id: str) -> int:
        row = self.ids.row(item_id)
        assert row is not None, "only items that have a row are asked for"
        return row

    def lacks(self, items: Iterable[Item]) -> list[Item]:
        """Newer items that have no row yet, or one made of something else than is told now."""
        return [
            item
            for item in items
            if item.item_id not in self.frozen.index
            and self.contents.get(item.item_id) != self._told(item)
        ]

    def joined_by(self, items: Sequence[Item], made: Sequence[Newcomers]) -> "Layout":
        """By newer items, of which some after some were made something."""
        known = len(self.frozen.rows)
        rows = torch.cat([some.rows for some in made])
        scores = torch.cat([some.everyone for some in made])
        kin_items, kin_shares = map(torch.cat, zip(*(some.kin for some in made), strict=True))
        told = {item.item_id: self._told(item) for item in items}
        ids = self.ids.followed_by([one for one in told if self.ids.row(one) is None])
        contents = self.contents.copy()
        contents.update(told)
        grown = replace(self, ids=ids, contents=contents)
        where = [grown.row(item.item_id) - known for item in items]
        moved = torch.cat([some.moved for some in made])
        newer_moved = self.newer_moved.changed(where, moved)
        any_moved = self.moved is not None or bool(moved.any())
        return replace(
            grown,
            newer_moved=newer_moved,
            moved=newer_moved.values if any_moved else None,
            newer=self.newer.changed(where, rows),
            newer_everyone=self.newer_everyone.changed(where, scores),
            kin_items=self.kin_items.changed(where, kin_items),
            kin_shares=self.kin_shares.changed(where, kin_shares),
        )

    def _told(self, item: Item) -> str:
        """As text, for Python takes 1, 1.0 and true for the same."""
        content = repr(self.frozen.content(item.properties))
        if not item.company or not self.frozen.by_company:
            return content
        return content + blake2b(item.company.encode(), digest_size=16).hexdigest()
