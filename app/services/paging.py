"""Pages of one list: the first freezes it, and later ones only drop what must not be shown now."""

import re
from collections.abc import Collection
from typing import NamedTuple

from app.engine.request import RankedItem
from app.engine.snapshot import Snapshot
from app.errors import InvalidRequest, StorageUnavailable
from app.services.parts import Parts
from app.services.question import Question
from app.stores.cursors import Frozen

LONGEST = 500
_CURSOR = re.compile(r"([0-9a-f]{24})\.(\d{1,3})", re.ASCII)
_EXPECTED = "a next_cursor of the last 30 minutes, of the same person; or the empty text to begin"


class Page(NamedTuple):
    items: tuple[RankedItem, ...]
    next_cursor: str | None
    first_rank: int
    """Of the list as it was frozen, from 1."""


async def first_page(
    parts: Parts, question: Question, found: tuple[RankedItem, ...]
) -> tuple[Page, str | None]:
    """The first k of `found`, and a reason where it could not be frozen."""
    page, rest = found[: question.k], found[question.k :]
    if not rest:
        return Page(page, None, 1), None
    frozen = Frozen(_owner(question), [(item.item_id, item.score) for item in found])
    try:
        name = await parts.cursors.keep(frozen)
    except StorageUnavailable:
        return Page(page, None, 1), "storage_unavailable"
    return Page(page, f"{name}.{len(page)}", 1), None


async def later_page(
    parts: Parts, snapshot: Snapshot, question: Question, exclude: Collection[str]
) -> Page:
    """Raises `InvalidRequest` for a cursor that names nothing, and `StorageUnavailable`."""
    parsed = _CURSOR.fullmatch(question.cursor or "")
    if parsed is None:
        raise InvalidRequest("/cursor", _EXPECTED)
    name, start = parsed[1], int(parsed[2])
    frozen = await parts.cursors.find(name)
    if frozen is None or frozen.owner != _owner(question):
        raise InvalidRequest("/cursor", _EXPECTED)
    items: list[RankedItem] = []
    place = start
    while place < len(frozen.items) and len(items) < question.k:
        item_id, score = frozen.items[place]
        if snapshot.shows(item_id) and item_id not in exclude:
            items.append(RankedItem(item_id, score))
        place += 1
    following = f"{name}.{place}" if place < len(frozen.items) else None
    return Page(tuple(items), following, start + 1)


def _owner(question: Question) -> str:
    return str(question.entity) if question.entity else ""
