"""Lists that chance drew: kept with what came of them, and gone with their people."""

from dataclasses import replace

import pytest
import pytest_asyncio

from app.domain import Entity, Event, Shot
from app.stores import explored
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.explored import Explored, ExploredLists, Outcome
from app.stores.members import Members
from tests.app.stores.given import ANN, BOB, GUEST, NOW, click


def drawn(entity: Entity, request_id: str, at: int = NOW, generation: int = 0) -> Explored:
    return Explored(
        request_id=request_id,
        entity=entity,
        generation=generation,
        drawn_at=at,
        temperature=0.5,
        pool=["a", "b", "c"],
        drawn=[("b", 0.25), ("a", 0.6)],
        shots=(Shot("c", 0.5, NOW),),
        profile={"town": "Oslo"},
        scenario=None,
        boosts=[({"field": "price", "lte": 3}, 2.0)],
    )


def told(entity: Entity, number: int, item_id: str, type_: str, request_id: str) -> Event:
    weight = {"impression": 0.0, "click": 0.5}[type_]
    event = click(entity, number, item_id)
    return replace(event, type=type_, weight=weight, request_id=request_id)


@pytest_asyncio.fixture
async def lists(database: Database, log: EventLog) -> ExploredLists:
    await log.append([click(ANN, 1), click(GUEST, 1)])
    return ExploredLists(database)


async def kept(lists: ExploredLists) -> list[str]:
    return [one.request_id for one, _ in await lists.read(0, 100)]


async def test_a_list_comes_back_with_what_its_events_tell(
    log: EventLog, lists: ExploredLists
) -> None:
    lists.note(drawn(ANN, "r1"))
    lists.note(drawn(ANN, "r2", at=NOW + 1))
    await lists.flush()
    await log.append(
        [
            told(ANN, 2, "b", "impression", "r1"),
            told(ANN, 3, "a", "impression", "r1"),
            told(ANN, 4, "b", "click", "r1"),
            told(GUEST, 5, "a", "click", "r1"),
        ]
    )
    assert await lists.read(0, 100) == [
        (drawn(ANN, "r2", at=NOW + 1), Outcome()),
        (drawn(ANN, "r1"), Outcome({"a", "b"}, {"b"}, {"b"})),
    ]
    assert len(await lists.read(0, 1)) == len(await lists.read(NOW + 1, 100)) == 1


async def test_only_lists_of_those_who_are_there_are_written(
    database: Database, lists: ExploredLists
) -> None:
    members = Members(database)
    for one in (drawn(ANN, "known"), drawn(BOB, "unknown"), drawn(GUEST, "guest")):
        lists.note(one)
    await members.merge(GUEST, ANN)
    await lists.flush()
    assert await kept(lists) == ["known"]
    lists.note(drawn(ANN, "late"))
    await members.erase(ANN, NOW)
    await lists.flush()
    assert await kept(lists) == []


async def test_lists_follow_a_guest_who_becomes_a_member(
    database: Database, lists: ExploredLists
) -> None:
    lists.note(drawn(GUEST, "r1"))
    await lists.flush()
    await Members(database).merge(GUEST, ANN)
    [(one, _)] = await lists.read(0, 100)
    assert one.entity == ANN


async def test_only_so_many_are_kept_and_the_old_go(
    lists: ExploredLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(explored.WAITING_LIMIT + 5):
        lists.note(drawn(ANN, f"r{number}", at=NOW + number))
    await lists.flush()
    assert len(await kept(lists)) == explored.WAITING_LIMIT
    await lists.forget(NOW + 2)
    assert len(await kept(lists)) == explored.WAITING_LIMIT - 2
    monkeypatch.setattr(explored, "KEPT", 3)
    await lists.forget(NOW)
    assert len(await kept(lists)) == 4
