"""Laws of the support window: a join-semilattice that SQL and Python agree about."""

from itertools import count, pairwise
from json import dumps
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import (
    SEEN_LIMIT,
    SUPPORT_LIMIT,
    Entity,
    Event,
    Namespace,
    PlacedWindow,
    Position,
    Shot,
    Window,
    window_of,
)
from app.stores.codec import pack_placed, unpack_stored
from app.stores.event_log import EventLog

SEEN = frozenset({"click", "skip"})
DAY = 24 * 3600 * 1000

# few items and few values, so that ties, repeats and overflow are common
item_ids = st.one_of(
    st.integers(0, 70).map(lambda n: f"i{n}"), st.sampled_from(["é", "z", "Z", "🎬", "a b"])
)
weights = st.sampled_from([0.2, 0.5, 1.0, -1.0, -0.1, 4.0, 0.0])
timestamps = st.one_of(
    st.sampled_from([1_700_000_000_000, 1_700_000_000_001]),
    st.integers(0, 60).map(lambda n: 1_700_000_000_000 + n * DAY),
)
numbers = count()


@st.composite
def facts(draw: st.DrawFn) -> tuple[str, str, float, int]:
    return (
        draw(item_ids),
        draw(st.sampled_from(["click", "view", "skip"])),
        draw(weights),
        draw(timestamps),
    )


def told(entity: Entity, many: list[tuple[str, str, float, int]]) -> list[Event]:
    return [
        Event(entity, f"e{number}", item_id, kind, weight, timestamp)
        for number, (item_id, kind, weight, timestamp) in enumerate(many)
    ]


def anybody() -> Entity:
    return Entity(Namespace.USER, f"law-{next(numbers)}")


values = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from([1.0, "1", "é"]))
properties = st.dictionaries(st.sampled_from(["age", "town", "\0"]), values | st.lists(values))
piles = st.lists(facts(), max_size=100).map(lambda many: told(anybody(), many))
windows = piles.map(lambda events: window_of(events, SEEN))


@given(windows, windows)
def test_union_is_commutative(one: Window, two: Window) -> None:
    assert one.union(two) == two.union(one)


@given(windows, windows, windows)
def test_union_is_associative(one: Window, two: Window, three: Window) -> None:
    assert one.union(two).union(three) == one.union(two.union(three))


@given(windows)
def test_union_is_idempotent(one: Window) -> None:
    assert one.union(one) == one
    assert one.union(Window()) == one


@given(piles, st.randoms(use_true_random=False))
def test_order_and_repeats_of_events_do_not_matter(events: list[Event], random: Random) -> None:
    shuffled = events * 2
    random.shuffle(shuffled)
    assert window_of(shuffled, SEEN) == window_of(events, SEEN)
    assert window_of(shuffled, SEEN).digest == window_of(events, SEEN).digest


@given(windows)
def test_windows_are_bounded_and_free_of_zero_weights(one: Window) -> None:
    assert len(one.shots) <= SUPPORT_LIMIT
    assert len(one.seen) <= SEEN_LIMIT
    assert all(shot.weight for shot in one.shots)
    assert [shot.item_id for shot in one.shots] == sorted({shot.item_id for shot in one.shots})


@given(windows, properties)
def test_windows_survive_their_bytes(one: Window, properties: dict[str, object]) -> None:
    placed = PlacedWindow(one, Position(2, 7), properties)
    again, claim = unpack_stored(b"2 7 c1a1 " + pack_placed(placed))
    assert (again, claim) == (placed, "c1a1")
    assert again is not None
    assert again.window.digest_with(again.properties) == one.digest_with(properties)


@given(windows, properties, properties)
def test_the_digest_names_the_profile_too(
    window: Window, one: dict[str, object], two: dict[str, object]
) -> None:
    same = dumps(one, sort_keys=True) == dumps(two, sort_keys=True)
    assert (window.digest_with(one) == window.digest_with(two)) == same
    assert window.digest_with({}) == window.digest


@given(windows, windows)
def test_the_digest_names_what_the_inner_loop_reads(one: Window, two: Window) -> None:
    def read(window: Window) -> list[tuple[str, float]]:
        return [(shot.item_id, shot.weight) for shot in window.shots]

    assert (one.digest == two.digest) == (read(one) == read(two))


def test_the_seen_set_keeps_the_newest() -> None:
    window = Window.of([], [(f"i{n}", n) for n in range(SEEN_LIMIT + 10)])
    assert set(window.seen) == {f"i{n}" for n in range(10, SEEN_LIMIT + 10)}


def test_a_full_window_drops_the_weakest() -> None:
    shots = [Shot(f"i{n:02d}", 1.0, n) for n in range(SUPPORT_LIMIT)]
    strong = Shot("new", 2.0, 0)
    assert Window.of([*shots, strong]).shots == (*shots[1:], strong)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(facts(), max_size=150), cuts=st.lists(st.integers(0, 150), max_size=4))
async def test_incremental_windows_equal_rebuilt_ones(
    log: EventLog, many: list[tuple[str, str, float, int]], cuts: list[int]
) -> None:
    """Any split into appends, each merged in Python, gives what SQL gives at the end."""
    entity = anybody()
    events = told(entity, many)
    edges = [0, *sorted(cuts), len(events)]
    window, position = Window(), Position(0, 0)
    for start, end in pairwise(edges):
        appended = await log.append(events[start:end])
        for write in appended.writes(SEEN):
            assert write.before == position
            window, position = window.union(write.window), write.after
    placed = await log.window(entity, SEEN)
    assert (placed.window, placed.position) == (window, position)
    assert placed.window.digest == window.digest
