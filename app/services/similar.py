"""What goes with this item? What somebody would get of whom only an interest in it is known."""

from app.domain import Shot
from app.engine.request import Ranked, RankRequest
from app.errors import NotFound, Overloaded
from app.services.parts import Parts

MOST_KIN = 10


async def similar(parts: Parts, item_id: str, k: int) -> Ranked:
    """The k items that suit somebody who likes that one; for one that training never saw, somebody
    who likes the trained items that are most like it by content.

    Raises `NotFound`, `WeightsMissing`, `Overloaded`.
    """
    snapshot = parts.engine.pinned()
    if not snapshot.knows(item_id):
        raise NotFound("item", item_id)
    kin = sorted(snapshot.layout.kin_of(item_id).items(), key=lambda one: (-one[1], one[0]))
    nearest = kin[:MOST_KIN]
    total = sum(share for _, share in nearest)
    shots = tuple(Shot(one, share / total, 0) for one, share in nearest)
    request = RankRequest(shots=shots, k=k, exclude=frozenset([item_id]))
    try:
        return await parts.engine.rank(snapshot, request, parts.policy.deadline_seconds)
    except TimeoutError:
        raise Overloaded("ranking") from None
