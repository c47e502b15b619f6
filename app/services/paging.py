"""Pages of one list: the first freezes it, and later ones only drop what must not be shown now."""

import re
from collections.abc import Collection
from typing import NamedTuple

from app.engine.snapshot import Snapshot
from app.errors import InvalidRequest, StorageUnavailable
from app.services.parts import Parts
from app.services.question import Question
from app.stores.cursors import Frozen, Listed

LONGEST = 500
_CURSOR = re.compile(r"([0-9a-f]{24})\.(\d{1,3})", re.ASCII)
_EXPECTED = "a next_cursor of the last 30 minutes, of the same person; or the empty text to begin"


class Page(NamedTuple):
    items: tuple[Listed, ...]
    seed: int | None
    next_cursor: str | None = None
    first_rank: int = 1
    """Of the list as it was frozen."""


async def first_page(
    parts: Parts, question: Question, found: tuple[Listed, ...], seed: int | None
) -> tuple[Page, str | None]:
    """The first k of `found`, and a reason where it could not be frozen."""
    page, rest = found[: question.k], found[question.k :]
    if not rest:
        return Page(page, seed), None
    frozen = Frozen(_owner(question), list(found), seed)
    try:
        name = await parts.cursors.keep(frozen)
    except StorageUnavailable:
        return Page(page, seed), "storage_unavailable"
    return Page(page, seed, f"{name}.{len(page)}"), None


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
    items: list[Listed] = []
    place = start
    while place < len(frozen.items) and len(items) < question.k:
        item = frozen.items[place]
        if snapshot.shows(item.item_id) and item.item_id not in exclude:
            items.append(item)
        place += 1
    following = f"{name}.{place}" if place < len(frozen.items) else None
    return Page(tuple(items), frozen.seed, following, start + 1)


def _owner(question: Question) -> str:
    return str(question.entity) if question.entity else ""
