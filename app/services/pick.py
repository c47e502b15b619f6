"""Which of the best items an answer holds, in which order."""

from collections.abc import Mapping
from secrets import randbits
from typing import NamedTuple

from app.engine.request import RankedItem
from app.engine.snapshot import Snapshot
from app.services.paging import LONGEST
from app.services.parts import Parts
from app.services.question import FIRST_PAGE, NOTHING, Question
from app.services.reorder import diversify, explore
from app.services.scenario import Wanted

POOL = 10
"""How many times k are looked at where the order is to be another than that of the scores."""
LEAST_POOL = 100


class Picked(NamedTuple):
    """The items of an answer, in order, before anything is told of them."""

    items: tuple[RankedItem, ...]
    pinned: int = 0
    """How many of the first ones are there by wish."""
    propensities: Mapping[str, float] = NOTHING
    """In the order of the draws; none without exploration."""
    seed: int | None = None
    temperature: float = 0.0


def depth(question: Question, wish: Wanted) -> int:
    """How many of the best are needed for k answers."""
    if question.cursor == FIRST_PAGE:
        return max(question.k, LONGEST)
    if wish.diversity or wish.exploration:
        return max(POOL * question.k, LEAST_POOL)
    return question.k


async def pick(
    parts: Parts,
    snapshot: Snapshot,
    question: Question,
    wish: Wanted,
    found: tuple[RankedItem, ...],
    pinned: tuple[RankedItem, ...],
) -> Picked:
    """Of `found`, best first, and the `pinned` ones before them."""
    longest = LONGEST if question.cursor == FIRST_PAGE else question.k
    size = max(0, longest - len(pinned))
    if wish.exploration and found:
        seed = randbits(53) if question.seed is None else question.seed
        scores = [item.score for item in found]
        drawn = explore(scores, size, wish.exploration, seed)
        items = tuple(found[place] for place, _ in drawn)
        chances = {found[place].item_id: chance for place, chance in drawn}
        return Picked(pinned + items, len(pinned), chances, seed, wish.exploration)
    if wish.diversity and found:
        vectors = await parts.engine.vectors(snapshot, [item.item_id for item in found])
        places = diversify([item.score for item in found], vectors, size, wish.diversity)
        return Picked(pinned + tuple(found[place] for place in places), len(pinned))
    return Picked(pinned + found[:size], len(pinned))
