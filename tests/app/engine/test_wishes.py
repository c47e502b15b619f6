"""Boosts and fading move items by as much as they say, by every way to a list."""

from collections.abc import Collection
from math import log

import pytest

from app.domain import Item, Shot
from app.engine.engine import Engine
from app.engine.filters import Compare
from app.engine.request import RankRequest
from app.engine.wishes import Boost, Fading, Wish
from tests.generated import generated_ids

IDS = generated_ids()
HOUR = 3_600_000
NOW = 1_000 * HOUR
SHOTS = (Shot(IDS[1], 1.0, 0),)


@pytest.fixture(autouse=True)
async def told(engine: Engine) -> None:
    items = [
        Item(item_id, {"kind": ("a", "b")[n % 2], "published": NOW - n * HOUR})
        for n, item_id in enumerate(IDS[:-1])
    ]
    await engine.update_items(items, 1, now=0)


async def scores(
    engine: Engine, *wishes: Wish, candidates: Collection[str] | None = None
) -> dict[str, float]:
    request = RankRequest(shots=SHOTS, k=100, wishes=wishes, candidates=candidates)
    answer = await engine.rank(engine.pinned(), request, within=30)
    return {item.item_id: item.score for item in answer.items}


async def test_a_boost_multiplies_the_odds(engine: Engine) -> None:
    before = await scores(engine)
    after = await scores(engine, Boost(Compare("kind", "eq", "a"), 3.0))
    for n, item_id in enumerate(IDS[:-1]):
        gain = log(3.0) if n % 2 == 0 else 0.0
        assert after[item_id] - before[item_id] == pytest.approx(gain, abs=1e-5)
    assert after[IDS[-1]] == before[IDS[-1]]


async def test_what_fades_halves_its_odds(engine: Engine) -> None:
    before = await scores(engine)
    after = await scores(engine, Fading("published", 6.0, NOW))
    for n, item_id in enumerate(IDS[:-1]):
        assert after[item_id] - before[item_id] == pytest.approx(-log(2) * n / 6, abs=1e-4)
    assert after[IDS[-1]] == before[IDS[-1]]


async def test_candidates_are_moved_alike(engine: Engine) -> None:
    wishes = (Boost(Compare("kind", "eq", "b"), 0.5), Fading("published", 2.0, NOW))
    everything = await scores(engine, *wishes)
    few = await scores(engine, *wishes, candidates=IDS[3:9])
    assert few == pytest.approx({one: everything[one] for one in IDS[3:9]}, abs=1e-6)


async def test_a_property_that_nobody_has_moves_nothing(engine: Engine) -> None:
    wishes = (Boost(Compare("colour", "eq", "red"), 9.0), Fading("age", 1.0, NOW))
    assert await scores(engine, *wishes) == await scores(engine)
