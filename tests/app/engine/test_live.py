"""New items: their rows follow what is told of them, their popularity what happens to them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import torch

from app.domain import Item
from app.engine.engine import Engine
from app.engine.request import RankRequest
from models.weights import MetaWeights
from tests.generated import generated_encoders, generated_ids, save_generated

IDS = generated_ids()
NOW = 1_000


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    return save_generated(tmp_path, encoders=generated_encoders())


@pytest_asyncio.fixture
async def engine(weights: MetaWeights) -> AsyncIterator[Engine]:
    async with started(weights) as engine:
        yield engine


@asynccontextmanager
async def started(weights: MetaWeights) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(weights, NOW), NOW)
    yield engine
    await engine.close()


async def listed(engine: Engine) -> list[str]:
    request = RankRequest(shots=(), k=100)
    answer = await engine.rank(engine.pinned(), request, within=30.0)
    return [item.item_id for item in answer.items]


def lacking(engine: Engine, *items: Item) -> list[str]:
    return [item.item_id for item in engine.pinned().layout.lacks(items)]


async def test_the_row_of_a_new_item_is_made_of_its_content(engine: Engine) -> None:
    told = {"genre": "war", "title": "Brazil"}
    await engine.update_items([Item("fresh", told), Item("other")], 1, NOW)
    frozen = engine.pinned().frozen
    content = frozen.encoders.items.encode([told, {}])
    expected = frozen.algorithm.content_rows(frozen.slow, content).float()
    assert torch.equal(engine.pinned().layout.newer.values, expected)


async def test_only_what_changes_what_is_told_is_made_anew(engine: Engine) -> None:
    war = Item("fresh", {"genre": "war"})
    assert lacking(engine, war, Item(IDS[0], {"genre": "art"})) == ["fresh"]
    await engine.update_items([war], 1, NOW)
    assert lacking(engine, war, Item("fresh", {"genre": "war", "n": 1}, hidden=True)) == []
    assert lacking(engine, Item("fresh", {"genre": "art"}), Item("fresh")) == ["fresh", "fresh"]
    assert lacking(engine, Item("fresh", {"genre": 1})) == ["fresh"]
    before = engine.pinned()
    await engine.update_items([Item("fresh", {"genre": "art"})], 2, NOW)
    assert lacking(engine, Item("fresh", {"genre": "art"})) == []
    assert engine.pinned().layout.newer is not before.layout.newer
    assert list(engine.pinned().ids) == list(before.ids) == [*IDS, "fresh"]


async def test_more_new_items_than_are_made_at_a_time_keep_their_order(engine: Engine) -> None:
    many = [Item(f"n{n:04d}", {"genre": ("war", "art")[n % 2]}) for n in range(600)]
    await engine.update_items(many, 1, NOW)
    assert list(engine.pinned().ids) == [*IDS, *(item.item_id for item in many)]
    assert lacking(engine, *many) == []


async def test_counting_makes_no_row_anew(engine: Engine) -> None:
    await engine.update_items([Item("fresh", {"genre": "war"})], 1, NOW)
    before = engine.pinned()
    await engine.update_items([Item("fresh", {"genre": "war"}, events=3)], 2, NOW, 10)
    assert engine.pinned().layout is before.layout
    assert engine.pinned().live.shift.values[-1] > before.live.shift.values[-1]


async def test_a_new_item_rises_with_its_events_and_sinks_without(engine: Engine) -> None:
    before = await listed(engine)
    new = [Item("liked", events=900), Item("ignored"), Item("young", unseen=1_000)]
    await engine.update_items(new, 1, NOW, 1_000)
    answer = await listed(engine)
    assert answer[0] == "liked"
    assert answer.index("young") < answer.index("ignored")
    assert [item_id for item_id in answer if item_id in IDS] == before
    assert [item_id for item_id, _ in engine.pinned().popular] == answer


async def test_what_live_events_add_is_what_the_algorithm_says(engine: Engine) -> None:
    new = [Item("liked", events=90), Item("ignored"), Item("young", unseen=700)]
    await engine.update_items(new, 1, NOW, 1_000)
    frozen, live = engine.pinned().frozen, engine.pinned().live
    events, chances = torch.tensor([90.0, 0, 0]).double(), torch.tensor([1000.0, 1000, 300])
    rows = engine.pinned().layout.newer.values
    expected = frozen.algorithm.popularity_shift(frozen.slow, rows, events, chances.double())
    assert torch.equal(live.shift.values, expected.float())


async def test_items_that_training_knew_stay_as_popular_as_they_were(engine: Engine) -> None:
    before = await listed(engine)
    await engine.update_items([Item(IDS[-1], events=900)], 1, NOW, 1_000)
    assert await listed(engine) == before


async def test_without_any_history_all_items_learn_their_popularity(tmp_path: Path) -> None:
    async with started(save_generated(tmp_path, interactions=0)) as engine:
        assert (await listed(engine))[0] == IDS[0]
        await engine.update_items([Item(IDS[-1], events=200)], 1, NOW, 200)
        assert (await listed(engine))[0] == IDS[-1]


STORY: Sequence[tuple[list[Item], int]] = (
    ([Item("a", {"genre": "war"}, available_from=50), Item("b", hidden=True)], 0),
    ([Item("a", {"genre": "war"}, available_from=50, events=4)], 9),
    ([Item(IDS[3], hidden=True), Item("c", {"genre": "art"}, unseen=9)], 20),
    ([Item("b", {"genre": "war"}, events=2), Item("a", {"genre": "art"}, events=7)], 31),
)


async def test_whoever_followed_and_whoever_comes_late_see_the_same(
    weights: MetaWeights,
) -> None:
    async with started(weights) as early, started(weights) as late:
        for epoch, (items, events) in enumerate(STORY, start=1):
            await early.update_items(items, epoch, NOW, events)
        newest = {item.item_id: item for items, _ in STORY for item in items}
        await late.update_items(list(newest.values()), len(STORY), NOW, STORY[-1][1])
        one, two = early.pinned(), late.pinned()
        assert one.epoch == two.epoch
        assert one.popular == two.popular
        for item_id in one.ids:
            here, there = (torch.tensor(each.layout.row(item_id)) for each in (one, two))
            assert torch.equal(one.layout.rows(here), two.layout.rows(there))
            assert one.shows(item_id) == two.shows(item_id)
        for item_id in ("a", "b", "c"):
            first, second = (each.layout.row(item_id) - len(IDS) for each in (one, two))
            assert one.live.shift.values[first] == two.live.shift.values[second]


async def test_a_reload_keeps_what_was_counted(engine: Engine, tmp_path: Path) -> None:
    await engine.update_items([Item("liked", events=900)], 1, NOW, 1_000)
    other = save_generated(tmp_path, seed=9)
    prepared = await engine.prepare(other, NOW)
    await engine.update_items([Item("later", events=950)], 2, NOW, 2_000)
    await engine.swap(prepared, NOW)
    assert engine.pinned().version == other.version
    assert (await listed(engine))[:2] == ["later", "liked"]
