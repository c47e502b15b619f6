"""How far two ranked lists are apart, and what moved between them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """`before` and `after` are ranks from 1; None where the item is not in that list."""

    item_id: str
    before: int | None
    after: int | None


def moves(before: Sequence[str], after: Sequence[str]) -> tuple[Move, ...]:
    """Every item that has another rank in the second list, in its order, then those that left.

    >>> moves(["a", "b", "c"], ["b", "a", "d"])[0]
    Move(item_id='b', before=2, after=1)
    """
    first, second = _ranks(before), _ranks(after)
    return tuple(
        Move(item, first.get(item), second.get(item))
        for item in dict.fromkeys((*after, *before))
        if first.get(item) != second.get(item)
    )


def distance(before: Sequence[str], after: Sequence[str]) -> float:
    """1 - average overlap: 0 for equal lists, 1 for lists that share nothing (Fagin, Kumar &
    Sivakumar 2003, "Comparing top k lists"). The top counts most.

    >>> distance(["a", "b"], ["a", "b"]), distance(["a", "b"], ["c", "d"])
    (0.0, 1.0)
    >>> distance(["a", "b"], ["b", "a"])
    0.5
    """
    depth = max(len(before), len(after))
    if not depth:
        return 0.0
    seen: tuple[set[str], set[str]] = set(), set()
    overlap = 0.0
    for place in range(depth):
        seen[0].update(before[place : place + 1])
        seen[1].update(after[place : place + 1])
        overlap += len(seen[0] & seen[1]) / (place + 1)
    return 1 - overlap / depth


def _ranks(items: Sequence[str]) -> dict[str, int]:
    return {item: rank for rank, item in enumerate(items, 1)}
