"""Whatever happens in whatever order, what is remembered is what a plain model remembers.

THAW_TEST_HISTORIES says how many histories are tried.
"""

import os
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import Entity, Event, Namespace, Window, window_of
from app.engine.request import RankRequest
from app.errors import AlreadyMerged
from app.services.erase import erase
from app.services.ingest import EventDraft, ingest, judge
from app.services.merge import merge
from app.services.parts import Parts
from app.services.question import Question
from app.services.recall import recall
from app.services.recommend import recommend
from app.stores.redis import Redis
from tests.generated import generated_ids, save_generated

TRIED = int(os.environ.get("THAW_TEST_HISTORIES", "40"))
NOW = 1_700_000_000_000
TYPES = ("like", "view", "dislike", "purchase", "impression")
ITEMS = generated_ids()[:8]
MEMBERS, GUESTS = ("m0", "m1"), ("g0", "g1", "g2")

who = st.sampled_from([*MEMBERS, *GUESTS])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"),
            st.lists(
                st.tuples(who, st.sampled_from(TYPES), st.sampled_from(ITEMS), st.integers(0, 5)),
                min_size=1,
                max_size=4,
            ),
        ),
        st.tuples(st.just("retry"), st.integers(0, 30)),
        st.tuples(st.just("merge"), st.tuples(st.sampled_from(GUESTS), st.sampled_from(MEMBERS))),
        st.tuples(st.just("erase"), st.sampled_from(MEMBERS)),
        st.tuples(st.just("lose Redis"), st.none()),
        st.tuples(st.just("reload"), st.integers(0, 1)),
        st.tuples(st.just("look"), who),
    ),
    max_size=25,
)


@dataclass
class Model:
    """Events by owner and event id, and who owns what a guest does."""

    events: dict[str, dict[str, Event]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, Event]:
        return self.events.setdefault(self.owner.get(name, name), {})

    def record(self, name: str, event: Event) -> str:
        mine = self.of(name)
        if event.event_id in mine:
            return "duplicate"
        if event.timestamp <= max(
            self.erased.get(name, 0), self.erased.get(self.owner.get(name, name), 0)
        ):
            return "refused"
        mine[event.event_id] = event
        return "accepted"

    def merge(self, guest: str, member: str) -> bool:
        if self.owner.get(guest, member) != member:
            return False
        if guest not in self.owner:
            told = self.events.pop(guest, {})
            self.owner[guest] = member
            self.events[member] = {**told, **self.of(member)}
        return True

    def erase(self, member: str, now: int) -> None:
        for name in [member, *(guest for guest, owner in self.owner.items() if owner == member)]:
            self.erased[name] = now
            self.events.pop(name, None)
        self.owner = {guest: owner for guest, owner in self.owner.items() if owner != member}


class World:
    """The services and the model, side by side."""

    def __init__(self, parts: Parts, redis: Redis) -> None:
        self.parts, self.redis = parts, redis
        self.model = Model()
        self.sent: list[tuple[str, EventDraft]] = []
        self.prefix, self.now = uuid4().hex, NOW

    def entity(self, name: str) -> Entity:
        namespace = Namespace.USER if name in MEMBERS else Namespace.ANON
        return Entity(namespace, f"{self.prefix}-{name}")

    async def send(self, told: list[tuple[str, EventDraft]]) -> None:
        expected = []
        for name, draft in told:
            event = judge(self.parts.policy, draft, self.now)
            assert isinstance(event, Event)
            expected.append(self.model.record(name, event))
        answer = await ingest(self.parts, [draft for _, draft in told], self.now)
        assert answer.accepted == expected.count("accepted")
        assert answer.duplicates == expected.count("duplicate")
        assert len(answer.rejected) == expected.count("refused")

    async def record(self, told: list[tuple[str, str, str, int]]) -> None:
        """Of two events of one name and owner in one call, any may count: only one is sent."""
        first: dict[tuple[str, int], str] = {}
        drafts = [
            (name, EventDraft(type_, self.entity(name), item, f"e{n}", timestamp=self.now))
            for name, type_, item, n in told
            if first.setdefault((self.model.owner.get(name, name), n), name) == name
        ]
        self.sent += drafts
        await self.send(drafts)

    async def retry(self, place: int) -> None:
        if self.sent:
            await self.send([self.sent[place % len(self.sent)]])

    async def merge(self, pair: tuple[str, str]) -> None:
        guest, member = pair
        if guest in self.model.erased or member in self.model.erased:
            return
        try:
            await merge(self.parts, self.entity(guest), self.entity(member))
            merged = True
        except AlreadyMerged:
            merged = False
        assert merged == self.model.merge(guest, member)

    async def erase(self, member: str) -> None:
        await erase(self.parts, self.entity(member), self.now)
        self.model.erase(member, self.now)

    async def lose_redis(self, _: None) -> None:
        await self.parts.support.settle()
        await self.redis.run([("FLUSHALL",)])

    async def reload(self, seed: int) -> None:
        weights = save_generated(self.parts.policy.weights_directory, seed=seed)
        await self.parts.engine.swap(await self.parts.engine.prepare(weights, NOW), NOW)

    async def look(self, name: str) -> None:
        if name in self.model.owner:
            return
        events = [
            replace(event, entity=self.entity(name)) for event in self.model.of(name).values()
        ]
        expected = window_of(events, self.parts.policy.seen_types)
        found = await recall(self.parts, self.entity(name), None, within=30)
        assert (found.placed.window, found.degraded) == (expected, None)
        await self.ranks(name, expected)

    async def ranks(self, name: str, window: Window) -> None:
        """The list is what an engine makes of the model's window, cached or not."""
        answer = await recommend(self.parts, Question(self.entity(name)), self.now)
        request = RankRequest(window.shots, 10, exclude=frozenset(window.seen))
        plain = await self.parts.engine.rank(self.parts.engine.pinned(), request, within=30)
        assert [(item.item_id, item.score) for item in answer.items] == [
            (item.item_id, item.score) for item in plain.items
        ]


@settings(max_examples=TRIED, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_what_is_remembered_is_what_happened(
    parts: Parts, redis: Redis, steps: list[tuple[str, object]]
) -> None:
    world = World(parts, redis)
    await world.reload(0)
    for verb, told in steps:
        world.now += 1_000
        await getattr(world, verb.replace(" ", "_").lower())(told)
    for name in (*MEMBERS, *GUESTS):
        await world.look(name)


def test_a_model_that_forgets_is_found_out() -> None:
    """The comparison can fail."""
    event = Event(Entity(Namespace.USER, "m0"), "e1", ITEMS[0], "like", 1.0, NOW)
    model = Model()
    assert model.record("m0", event) == "accepted"
    with pytest.raises(AssertionError):
        assert window_of(model.of("m0").values(), frozenset()) == Window()
