"""Answers: fresh, cached, bounded by a deadline, honest about what they lack."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain import Entity, Item, Namespace, Position
from app.errors import InvalidRequest, WeightsMissing
from app.services import watermark
from app.services.experiment import Experiment
from app.services.ingest import EventDraft, ingest
from app.services.parts import Parts
from app.services.put_items import put_items
from app.services.question import Answer, Question
from app.services.recommend import recommend
from app.services.sync_catalogue import sync_catalogue
from tests.generated import generated_ids, save_generated

ANN = Entity(Namespace.USER, "ann")
IDS = generated_ids()
NOW = 1_700_000_000_000


@pytest.fixture
async def serving(parts: Parts) -> Parts:
    prepared = await parts.engine.prepare(save_generated(parts.policy.weights_directory), now=NOW)
    await parts.engine.swap(prepared, now=NOW)
    await sync_catalogue(parts, NOW)
    return parts


async def tell(parts: Parts, item_id: str, type_: str = "like") -> str | None:
    ingested = await ingest(parts, [EventDraft(type_, ANN, item_id, timestamp=NOW)], NOW)
    assert ingested.accepted == 1
    return ingested.watermark


async def ask(parts: Parts, **question: Any) -> Answer:
    answer = await recommend(parts, Question(ANN, **question), NOW)
    await parts.support.settle()
    return answer


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


async def test_fast_weights_are_kept_until_the_next_event(serving: Parts) -> None:
    await tell(serving, "i010")
    first, second = await ask(serving), await ask(serving)
    assert (first.personalization.cached, second.personalization.cached) == (False, True)
    assert second.items == first.items
    assert second.personalization.adapted_at == NOW
    await tell(serving, "i011")
    assert not (await ask(serving)).personalization.cached


async def test_fast_weights_of_another_version_are_not_used(serving: Parts) -> None:
    await tell(serving, "i010")
    await ask(serving)
    other = save_generated(serving.policy.weights_directory, seed=5)
    await serving.engine.swap(await serving.engine.prepare(other, now=NOW), now=NOW)
    answer = await ask(serving)
    assert answer.personalization.weights_version == other.version
    assert not answer.personalization.cached


async def test_who_joins_the_holdout_is_not_answered_from_cached_fast_weights(
    serving: Parts,
) -> None:
    prior = await ask(serving, include_seen=True)
    await tell(serving, "i010")
    assert (await ask(serving)).personalization.mode == "adapted"
    held_out = replace(serving, policy=replace(serving.policy, experiment=Experiment(1.0)))
    answer = await ask(held_out, include_seen=True)
    told = answer.personalization
    assert (told.arm, told.mode, told.support, told.cached) == ("holdout", "prior", 0, False)
    assert [item.item_id for item in answer.items] == ids(prior)


async def test_what_was_seen_is_left_out_unless_asked_for(serving: Parts) -> None:
    await tell(serving, "i000")
    await tell(serving, "i001", "view")
    assert "i000" not in ids(await ask(serving, k=60))
    assert "i001" in ids(await ask(serving, k=60))
    assert "i000" in ids(await ask(serving, k=60, include_seen=True))


async def test_at_the_deadline_everybodys_list_goes_out_without_what_was_seen(
    serving: Parts,
) -> None:
    await tell(serving, "i000")
    await ask(serving)
    hurried = replace(serving, policy=replace(serving.policy, deadline_seconds=0.0))
    answer = await ask(hurried, k=5, exclude=("i002",))
    assert answer.personalization.mode == "popular"
    assert answer.degraded == "deadline"
    assert ids(answer) == ["i001", "i003", "i004", "i005", "i006"]


async def test_a_short_list_says_why(serving: Parts) -> None:
    few = await ask(serving, k=10, candidates=("i000", "i001", "nothing"))
    everything = await ask(serving, k=100)
    assert (len(few.items), few.shortfall) == (2, "candidates_exhausted")
    assert (len(everything.items), everything.shortfall) == (60, "catalogue_exhausted")
    assert (await ask(serving, k=60)).shortfall is None


async def test_a_watermark_is_reached_or_the_answer_says_it_is_not(serving: Parts) -> None:
    mark = await tell(serving, "i000")
    assert (await ask(serving, min_watermark=mark)).degraded is None
    future = watermark.encode({ANN: Position(0, 99)})
    assert (await ask(serving, min_watermark=future)).degraded == "watermark_not_reached"
    someone_else = watermark.encode({Entity(Namespace.USER, "ben"): Position(0, 99)})
    assert (await ask(serving, min_watermark=someone_else)).degraded is None
    with pytest.raises(InvalidRequest, match="min_watermark"):
        await ask(serving, min_watermark="not one of ours")


async def test_new_items_are_named_so_and_properties_come_along(serving: Parts) -> None:
    await put_items(serving, [Item("fresh", {"title": "Fresh", "price": 3})], NOW)
    answer = await ask(serving, k=61, properties=("title",))
    fresh = next(item for item in answer.items if item.item_id == "fresh")
    assert (fresh.source, fresh.properties) == ("new", {"title": "Fresh"})
    assert {item.source for item in answer.items} == {"prior", "new"}


async def test_an_event_on_an_unknown_item_makes_it_known(serving: Parts) -> None:
    await tell(serving, "unheard-of")
    assert serving.engine.pinned().knows("unheard-of")
    strict = replace(serving, policy=replace(serving.policy, stub_items=False))
    await tell(strict, "never-heard-of")
    assert not serving.engine.pinned().knows("never-heard-of")


async def test_without_meta_weights_there_is_no_answer(parts: Parts) -> None:
    with pytest.raises(WeightsMissing, match="thaw train"):
        await ask(parts)
