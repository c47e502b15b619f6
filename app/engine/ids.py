"""Item ids and their rows: those of training first, newer ones after them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class _Newer:
    """Grows only at its end, so that all versions of `ItemIds` can share it."""

    ids: list[str]
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class ItemIds:
    """N ids; `ids[row]` is the id of a row and `ids.row(id)` the row of an id.

    >>> ids = ItemIds.of(("a", "b"), {"a": 0, "b": 1}).followed_by(["c"])
    >>> ids[2], ids.row("c"), ids.row("x"), len(ids)
    ('c', 2, None, 3)
    """

    trained: Sequence[str]
    trained_rows: Mapping[str, int]
    _newer: _Newer
    _size: int

    @classmethod
    def of(cls, trained: Sequence[str], trained_rows: Mapping[str, int]) -> "ItemIds":
        return cls(trained, trained_rows, _Newer([], {}), len(trained))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(self._size))

    def __getitem__(self, row: int) -> str:
        known = len(self.trained)
        return self.trained[row] if row < known else self._newer.ids[row - known]

    def row(self, item_id: str) -> int | None:
        row = self.trained_rows.get(item_id)
        if row is None:
            row = self._newer.rows.get(item_id)
        return row if row is not None and row < self._size else None

    def followed_by(self, added: Sequence[str]) -> "ItemIds":
        """With further ids, none of which is known. Costs as much as there are of them."""
        if not added:
            return self
        newer, known = self._newer, len(self.trained)
        if len(newer.ids) > self._size - known:  # others went on from here: part ways
            ids = newer.ids[: self._size - known]
            newer = _Newer(ids, {item_id: row for row, item_id in enumerate(ids, known)})
        newer.rows.update((item_id, row) for row, item_id in enumerate(added, self._size))
        newer.ids.extend(added)
        return ItemIds(self.trained, self.trained_rows, newer, self._size + len(added))
