"""What leaves the log: the strongest event of each pair, under names that never collide."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import ID_BYTES, Entity, Namespace, Shot, window_of
from app.services import export_history as module
from app.services.export_history import exported_shots, hashed_name, plain_name
from app.stores.event_log import EventLog
from tests.app.stores.given import ANN, BOB, GUEST, NOW, SEEN, click

ENTITIES = st.builds(
    Entity,
    st.sampled_from(Namespace),
    st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(["user:a", "anon:a", "a"])),
)


@pytest.fixture(params=[1, 3, 100])
def small_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", request.param)


async def exported(log: EventLog) -> list[tuple[Entity, Shot]]:
    return [pair async for pair in exported_shots(log)]


async def test_an_empty_log_exports_nothing(log: EventLog) -> None:
    assert await exported(log) == []


async def test_everybody_has_the_strongest_event_of_each_item(
    log: EventLog, small_pages: None
) -> None:
    bought = replace(click(ANN, 5, "item-1"), type="purchase", weight=4.0)
    disliked = replace(click(ANN, 6, "item-2"), type="dislike", weight=-1.0)
    seen = replace(click(BOB, 7), type="impression", weight=0.0)
    events = [click(ANN, 1), click(ANN, 2), bought, disliked, click(GUEST, 3), seen]
    await log.append(events)
    assert await exported(log) == [
        (GUEST, Shot("item-3", 0.5, NOW + 3)),
        (ANN, Shot("item-1", 4.0, NOW + 5)),
        (ANN, Shot("item-2", -1.0, NOW + 6)),
    ]


async def test_training_sees_the_windows_that_serving_sees(
    log: EventLog, small_pages: None
) -> None:
    events = [click(entity, n, f"item-{n % 4}") for entity in (ANN, BOB) for n in range(9)]
    await log.append(events)
    found = await exported(log)
    for entity in (ANN, BOB):
        shots = tuple(shot for whose, shot in found if whose == entity)
        assert shots == window_of([e for e in events if e.entity == entity], SEEN).shots


@given(st.lists(ENTITIES, unique=True, max_size=8))
def test_two_entities_never_share_a_name(entities: list[Entity]) -> None:
    for naming in (plain_name, hashed_name(b"key")):
        assert len({naming(entity) for entity in entities}) == len(entities)


def test_members_keep_their_ids_and_no_name_is_too_long() -> None:
    assert plain_name(ANN) == "ann"
    longest = Entity(Namespace.ANON, "x" * ID_BYTES)
    assert len(plain_name(longest)) <= ID_BYTES
    assert plain_name(longest) != plain_name(Entity(Namespace.ANON, "y" * ID_BYTES))


def test_a_pseudonym_needs_the_key() -> None:
    assert hashed_name(b"one")(ANN) == hashed_name(b"one")(ANN)
    assert hashed_name(b"one")(ANN) != hashed_name(b"two")(ANN)
    assert "ann" not in hashed_name(b"one")(ANN)
