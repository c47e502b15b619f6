"""The engine as the services see it: item ids in, lists out."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from app.domain import Item, Shot
from app.engine.engine import Engine
from app.engine.request import Ranked, RankRequest
from app.errors import WeightsMissing, WeightsRejected
from models.weights import MetaWeights
from tests.generated import generated_ids, save_generated

IDS = generated_ids()
LIKED = (Shot("i010", 1.0, 5), Shot("i030", 1.0, 6))


async def ranked(engine: Engine, request: RankRequest) -> Ranked:
    return await engine.rank(engine.pinned(), request, within=5.0)


def ids(answer: Ranked) -> list[str]:
    return [item.item_id for item in answer.items]


async def test_nobody_gets_the_popularity_ranking(engine: Engine) -> None:
    answer = await ranked(engine, RankRequest(shots=(), k=10))
    assert ids(answer) == list(IDS[:10])
    assert (answer.mode, answer.support, answer.steps, answer.gate) == ("prior", 0, 0, 0.0)
    assert answer.fast is None


async def test_one_shot_adapts_and_changes_the_list(engine: Engine) -> None:
    answer = await ranked(engine, RankRequest(shots=LIKED[:1], k=10))
    assert (answer.mode, answer.support, answer.steps, answer.gate) == ("adapted", 1, 2, 1.0)
    assert ids(answer) != list(IDS[:10])
    assert answer.fast is not None


async def test_cached_fast_weights_give_the_same_list_and_are_not_made_again(
    engine: Engine,
) -> None:
    first = await ranked(engine, RankRequest(shots=LIKED, k=20))
    second = await ranked(engine, RankRequest(shots=LIKED, k=20, fast=first.fast))
    assert second.items == first.items
    assert second.fast is None


async def test_a_list_does_not_depend_on_the_batch_it_rides_in(engine: Engine) -> None:
    generator = np.random.default_rng(3)
    requests = [
        RankRequest(
            shots=tuple(
                Shot(IDS[item], float(generator.choice([1.0, 2.0, -1.0])), 0)
                for item in generator.choice(60, size=generator.integers(0, 12), replace=False)
            ),
            k=int(generator.integers(1, 60)),
        )
        for _ in range(48)
    ]
    alone = [await ranked(engine, request) for request in requests]
    together = await asyncio.gather(*(ranked(engine, request) for request in requests))
    assert [one.items for one in together] == [one.items for one in alone]
    assert [one.fast for one in together] == [one.fast for one in alone]


async def test_excluded_items_never_come_and_the_list_stays_full(engine: Engine) -> None:
    answer = await ranked(engine, RankRequest(shots=LIKED, k=50, exclude=IDS[:10]))
    assert len(answer.items) == 50
    assert not set(ids(answer)) & set(IDS[:10])


async def test_only_candidates_come_when_they_are_given(engine: Engine) -> None:
    request = RankRequest(shots=LIKED, k=10, candidates=("i040", "i002", "unknown", "i050"))
    assert sorted(ids(await ranked(engine, request))) == ["i002", "i040", "i050"]


async def test_k_beyond_the_catalogue_gives_the_whole_catalogue(engine: Engine) -> None:
    assert sorted(ids(await ranked(engine, RankRequest(shots=(), k=500)))) == list(IDS)


async def test_support_on_items_the_weights_never_saw_teaches_nothing(engine: Engine) -> None:
    answer = await ranked(engine, RankRequest(shots=(Shot("unheard-of", 1.0, 0),), k=5))
    assert (answer.mode, answer.support) == ("prior", 0)


async def test_hidden_items_leave_at_once_and_come_back(engine: Engine) -> None:
    await engine.update_items([Item("i000", hidden=True)], epoch=1, now=0)
    answer = await ranked(engine, RankRequest(shots=(), k=60))
    assert "i000" not in ids(answer)
    assert answer.epoch == 1
    assert "i000" not in [item_id for item_id, _ in engine.pinned().popular]
    await engine.update_items([Item("i000")], epoch=2, now=0)
    assert ids(await ranked(engine, RankRequest(shots=(), k=1))) == ["i000"]


async def test_an_item_is_shown_only_within_its_availability(engine: Engine) -> None:
    item = Item("i000", available_from=100, available_until=200)
    await engine.update_items([item], epoch=1, now=50)
    shown = []
    for now in (50, 100, 199, 200):
        await engine.refresh(now)
        shown.append("i000" in ids(await ranked(engine, RankRequest(shots=(), k=60))))
    assert shown == [False, True, True, False]


async def test_a_new_item_can_be_recommended_at_once_without_leading_the_list(
    engine: Engine,
) -> None:
    await engine.update_items([Item("brand-new")], epoch=1, now=0)
    answer = ids(await ranked(engine, RankRequest(shots=(), k=61)))
    assert 0 < answer.index("brand-new") < 60


async def test_equal_scores_are_ordered_by_id(engine: Engine) -> None:
    await engine.update_items([Item(f"new-{n}") for n in (3, 1, 2)], epoch=1, now=0)
    answer = ids(await ranked(engine, RankRequest(shots=LIKED, k=63)))
    first = answer.index("new-1")
    assert answer[first : first + 3] == ["new-1", "new-2", "new-3"]


async def test_a_request_keeps_its_snapshot_across_a_swap(engine: Engine, tmp_path: Path) -> None:
    pinned = engine.pinned()
    await engine.swap(await engine.prepare(save_generated(tmp_path, seed=9), now=0), now=0)
    old = await engine.rank(pinned, RankRequest(shots=LIKED, k=10), within=5.0)
    new = await ranked(engine, RankRequest(shots=LIKED, k=10))
    assert old.version == pinned.version
    assert new.version == engine.pinned().version != old.version
    assert old.items != new.items


async def test_catalogue_changes_during_a_preparation_are_not_lost(
    engine: Engine, tmp_path: Path
) -> None:
    prepared = await engine.prepare(save_generated(tmp_path, seed=9), now=0)
    await engine.update_items([Item("i000", hidden=True)], epoch=7, now=0)
    await engine.swap(prepared, now=0)
    answer = await ranked(engine, RankRequest(shots=(), k=60))
    assert answer.epoch == 7
    assert "i000" not in ids(answer)


async def test_a_catalogue_change_that_fails_is_made_when_it_is_told_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = [Item("i000", hidden=True)]
    with monkeypatch.context() as patch:
        patch.setattr("app.engine.live.Live.after", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await engine.update_items(hidden, epoch=7, now=0)
    assert engine.epoch == 0
    await engine.update_items(hidden, epoch=7, now=0)
    answer = await ranked(engine, RankRequest(shots=(), k=60))
    assert answer.epoch == engine.epoch == 7
    assert "i000" not in ids(answer)


async def test_without_meta_weights_there_is_nothing_to_pin() -> None:
    engine = Engine(device="cpu", batch_limit=1, queue_limit=1)
    with pytest.raises(WeightsMissing, match="thaw train"):
        engine.pinned()
    await engine.close()


async def test_overlapping_catalogue_changes_all_arrive(engine: Engine) -> None:
    """Large enough for the device thread to be at work while the next change comes in."""
    batches = [[Item(f"n-{batch}-{n}") for n in range(300)] for batch in range(24)]
    await asyncio.gather(
        *(engine.update_items(items, epoch + 1, 0) for epoch, items in enumerate(batches))
    )
    assert engine.pinned().epoch == 24
    assert all(engine.pinned().knows(item.item_id) for items in batches for item in items)


async def test_a_reload_never_shows_an_older_catalogue(engine: Engine, tmp_path: Path) -> None:
    prepared = await engine.prepare(save_generated(tmp_path, seed=9), now=0)
    await engine.update_items([Item("i000", hidden=True)], epoch=7, now=0)
    swapping = asyncio.create_task(engine.swap(prepared, now=0))
    epochs = set()
    while not swapping.done():
        epochs.add(engine.pinned().epoch)
        await asyncio.sleep(0)
    assert epochs | {engine.pinned().epoch} == {7}


async def test_weights_that_lack_a_tensor_are_refused_by_its_name(
    engine: Engine, weights: MetaWeights
) -> None:
    slow = {name: tensor for name, tensor in weights.slow.items() if name != "reach"}
    older = MetaWeights(weights.manifest, slow, weights.item_ids)
    with pytest.raises(WeightsRejected, match="tensor 'reach': missing"):
        await engine.prepare(older, now=0)
