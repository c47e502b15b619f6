"""The item matrix: rows that training made, then those of newer items. Never changed in place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from app.domain import Item
from app.engine.frozen import Frozen


@dataclass(frozen=True, slots=True)
class Layout:
    frozen: Frozen
    index: Mapping[str, int]
    """The row of each item: the frozen rows first, newer items after them."""
    item_ids: tuple[str, ...]
    rows: Tensor
    """[N, D] float32"""
    everyone: Tensor
    """[N] float32 scores for a stranger."""
    contents: Mapping[str, str]
    """Of every newer item, what its row was made of."""

    @classmethod
    def of(cls, frozen: Frozen) -> "Layout":
        return cls(frozen, frozen.index, frozen.item_ids, frozen.rows, frozen.everyone(), {})

    def lacks(self, items: Iterable[Item]) -> list[Item]:
        """Newer items that have no row yet, or one made of something else than is told now."""
        return [
            item
            for item in items
            if item.item_id not in self.frozen.index
            and self.contents.get(item.item_id) != self._told(item)
        ]

    def with_rows(self, items: Sequence[Item], made: Sequence[Tensor]) -> "Layout":
        """With the rows of these newer items, as parts [., D] of one table."""
        rows = torch.cat(list(made))
        told = {item.item_id: self._told(item) for item in items}
        scores = self.frozen.algorithm.score(self.frozen.slow, self.frozen.stranger, rows)[0]
        added = tuple(item_id for item_id in told if item_id not in self.index)
        places = {item_id: row for row, item_id in enumerate(added, len(self.item_ids))}
        index = {**self.index, **places} if added else self.index
        where = [index[item.item_id] for item in items]
        return replace(
            self,
            index=index,
            item_ids=self.item_ids + added,
            rows=_with(self.rows, len(added), where, rows),
            everyone=_with(self.everyone, len(added), where, scores.float()),
            contents={**self.contents, **told},
        )

    def _told(self, item: Item) -> str:
        """As text, for Python takes 1, 1.0 and true for the same."""
        return repr(self.frozen.content(item.properties))


def _with(table: Tensor, more: int, where: Sequence[int], values: Tensor) -> Tensor:
    """A copy of `table` with so many rows more, and new values in some rows."""
    copy = torch.cat([table, table.new_zeros(more, *table.shape[1:])])
    copy[where] = values
    return copy
