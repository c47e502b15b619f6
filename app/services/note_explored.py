"""Keep a list that chance has drawn, so that other meta-weights can be judged by it."""

from app.engine.request import Ranked, RankRequest
from app.services.parts import Parts
from app.services.pick import Picked
from app.services.question import Question
from app.stores.explored import Explored

LARGEST_POOL = 1_000


def note_explored(
    parts: Parts,
    question: Question,
    request: RankRequest,
    ranked: Ranked,
    picked: Picked,
    generation: int,
    request_id: str,
    now: int,
) -> None:
    """Notes what it was `ranked` and `picked` from, if it is all there is to it: no pages, a pool
    that can be ranked again. `now` is in ms. Waits for nothing.
    """
    if question.entity is None or question.cursor is not None:
        return
    if len(ranked.items) > LARGEST_POOL:
        return
    parts.explored.note(
        Explored(
            request_id=request_id,
            entity=question.entity,
            generation=generation,
            drawn_at=now,
            temperature=picked.temperature,
            pool=[item.item_id for item in ranked.items],
            drawn=list(picked.propensities.items()),
            shots=request.shots,
            profile=request.profile,
            scenario=question.scenario,
            boosts=[(boost.filter, boost.factor) for boost in question.boosts],
        )
    )
