"""The demo's search box: titles of the most popular items, kept in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.services.parts import Parts

PAGE = 500
SHOWN = ("title", "year", "genres", "price", "brand", "size", "category")
Found = tuple[str, Mapping[str, Any]]


class Titles:
    """Reads titles again whenever the catalogue or the meta-weights have moved on."""

    def __init__(self) -> None:
        self._state: tuple[str, int] | None = None
        self._titles: Sequence[tuple[str, str]] = ()
        """Item id and title, casefolded."""

    async def search(self, parts: Parts, query: str, limit: int) -> Sequence[Found]:
        """Items (id, properties) whose title holds every word of `query`, most popular first."""
        snapshot = parts.engine.pinned()
        if self._state != (snapshot.version, snapshot.epoch):
            self._titles = await _read(parts, [item_id for item_id, _ in snapshot.popular])
            self._state = (snapshot.version, snapshot.epoch)
        words = query.casefold().split()
        found = (item_id for item_id, title in self._titles if all(word in title for word in words))
        item_ids = [item_id for item_id, _ in zip(found, range(limit), strict=False)]
        properties = await parts.catalogue.properties(item_ids, SHOWN)
        return [
            (item_id, {"title": item_id, **properties.get(item_id, {})}) for item_id in item_ids
        ]


async def _read(parts: Parts, item_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
    titles: list[tuple[str, str]] = []
    for start in range(0, len(item_ids), PAGE):
        page = item_ids[start : start + PAGE]
        properties = await parts.catalogue.properties(page, ("title",))
        titles += [
            (item_id, str(properties.get(item_id, {}).get("title", item_id)).casefold())
            for item_id in page
        ]
    return titles
