"""Events joined by the list that led to them, on both databases."""

from dataclasses import replace

from app.domain import Entity, Event
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.members import Members
from app.stores.showings import Showing, ShowingLog
from tests.app.stores.given import ANN, BOB, GUEST, NOW

WEIGHTS = {"impression": 0.0, "click": 0.5, "purchase": 4.0, "dislike": -1.0}


class Story:
    """Makes events that differ."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(
        self, entity: Entity, request_id: str | None, type_: str, item_id: str, at: int = NOW
    ) -> None:
        number = len(self.events)
        self.events.append(
            Event(
                entity=entity,
                event_id=f"e{number}",
                item_id=item_id,
                type=type_,
                weight=WEIGHTS[type_],
                timestamp=at,
                request_id=request_id,
            )
        )


async def test_each_item_of_a_list_counts_once(database: Database, log: EventLog) -> None:
    story = Story()
    for item in ("a", "b", "c", "d", "a"):
        story.tell(ANN, "r1", "impression", item)
    for type_, item in (("click", "a"), ("click", "a"), ("purchase", "a"), ("purchase", "b")):
        story.tell(ANN, "r1", type_, item)
    story.tell(ANN, "r1", "dislike", "c")
    story.tell(ANN, "r1", "click", "never-told")
    story.tell(ANN, None, "click", "d")
    story.tell(BOB, "r2", "impression", "a")
    await log.append(story.events)
    found = await ShowingLog(database).read(NOW - 1, NOW + 1)
    assert sorted(found.lists, key=lambda showing: showing.request_id) == [
        Showing(ANN, "r1", impressions=4, clicks=1, positives=2, untold=1),
        Showing(BOB, "r2", impressions=1, clicks=0, positives=0, untold=0),
    ]
    assert found.events == 12
    assert not found.guests


async def test_the_same_list_of_two_people_is_two(database: Database, log: EventLog) -> None:
    story = Story()
    story.tell(ANN, "r1", "impression", "a")
    story.tell(BOB, "r1", "click", "a")
    await log.append(story.events)
    found = {showing.entity: showing for showing in (await ShowingLog(database).read(0, NOW)).lists}
    assert (found[ANN].impressions, found[ANN].clicks) == (1, 0)
    assert (found[BOB].clicks, found[BOB].untold) == (0, 1)


async def test_only_the_asked_for_time_is_read(database: Database, log: EventLog) -> None:
    story = Story()
    for number, at in enumerate((NOW - 100, NOW, NOW + 100)):
        story.tell(ANN, f"r{number}", "impression", "a", at)
    await log.append(story.events)
    found = await ShowingLog(database).read(NOW - 10, NOW + 10)
    assert [showing.request_id for showing in found.lists] == ["r1"]
    assert found.since == NOW - 10


async def test_of_too_many_events_the_newest_are_read_and_it_says_so(
    database: Database, log: EventLog
) -> None:
    story = Story()
    for number in range(6):
        story.tell(ANN, f"r{number}", "impression", "a", NOW + number)
    await log.append(story.events)
    found = await ShowingLog(database, events_limit=2).read(0, NOW + 100)
    assert {showing.request_id for showing in found.lists} == {"r4", "r5"}
    assert (found.events, found.since) == (2, NOW + 4)


async def test_members_are_known_with_their_guests(database: Database, log: EventLog) -> None:
    story = Story()
    story.tell(GUEST, "r1", "impression", "a")
    story.tell(ANN, "r2", "impression", "a")
    await log.append([*story.events, replace(story.events[0], entity=BOB)])
    await Members(database).merge(GUEST, ANN)
    found = await ShowingLog(database).read(0, NOW)
    assert found.guests == {ANN: [GUEST]}
    assert {(one.entity, one.request_id) for one in found.lists} == {
        (ANN, "r1"),
        (ANN, "r2"),
        (BOB, "r1"),
    }
