"""History in bulk: exact, repeatable, and no window in Redis survives it unnoticed."""

from collections.abc import Iterator

import pytest

from app.domain import Entity, Event, Namespace, window_of
from app.errors import StorageUnavailable
from app.services import import_history as module
from app.services.import_history import has_event, import_history, past_event
from app.services.ingest import EventDraft
from app.stores.event_log import EventLog
from app.stores.redis import connect
from app.stores.support import SupportStore

ANN, BEN = Entity(Namespace.USER, "ann"), Entity(Namespace.USER, "ben")
SEEN = frozenset({"rating"})
LONG_AGO, NOW = 900_000_000_000, 1_700_000_000_000
STARS = (1.0, 5.0)


def rated(entity: Entity, item_id: str, stars: float, timestamp: int | None = LONG_AGO) -> Event:
    draft = EventDraft("rating", entity, item_id, timestamp=timestamp, value=stars)
    return past_event(draft, 1.0, STARS, NOW)


def history(items: int = 7) -> list[Event]:
    return [rated(entity, f"i{n}", 1 + n % 5) for entity in (ANN, BEN) for n in range(items)]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 3)


def test_the_id_of_an_event_follows_from_what_it_says() -> None:
    assert rated(ANN, "i1", 5) == rated(ANN, "i1", 5)
    ids = {
        rated(ANN, "i1", 5).event_id,
        rated(BEN, "i1", 5).event_id,
        rated(ANN, "i2", 5).event_id,
        rated(ANN, "i1", 5, LONG_AGO + 1).event_id,
        rated(ANN, "i1", 5, None).event_id,
    }
    assert len(ids) == 5


def test_an_event_of_unknown_time_is_as_old_as_the_import_and_still_the_same() -> None:
    draft = EventDraft("like", ANN, "i1")
    first, again = (past_event(draft, 1.0, STARS, now) for now in (NOW, NOW + 5_000))
    assert (first.timestamp, again.timestamp) == (NOW, NOW + 5_000)
    assert first.event_id == again.event_id


def test_ratings_become_signed_weights() -> None:
    assert rated(ANN, "i1", 5).weight == 1.0
    assert rated(ANN, "i1", 1).weight == pytest.approx(-0.6)


async def test_everything_is_there_and_a_repeat_adds_nothing(
    log: EventLog, small_pages: None
) -> None:
    seen: list[int] = []
    done = await import_history(log, None, history(), seen.append)
    assert (done.new, done.duplicates, done.refused) == (14, 0, {})
    assert seen == [3, 6, 9, 12, 14]
    placed = await log.window(ANN, SEEN)
    assert placed.window == window_of(history()[:7], SEEN)
    again = await import_history(log, None, history())
    assert (again.new, again.duplicates) == (0, 14)
    assert (await log.window(ANN, SEEN)).position == placed.position


async def test_an_import_that_was_cut_short_goes_on(log: EventLog, small_pages: None) -> None:
    def cut_short() -> Iterator[Event]:
        yield from history()[:8]
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        await import_history(log, None, cut_short())
    assert not await has_event(log, history()[-1])
    done = await import_history(log, None, history())
    assert (done.new, done.duplicates) == (8, 6)
    assert await has_event(log, history()[-1])


async def test_redis_forgets_windows_that_the_import_made_old(
    log: EventLog, support: SupportStore
) -> None:
    await log.append([rated(ANN, "before", 5)])
    [remembered] = await support.load([ANN])
    await support.install(ANN, await log.window(ANN, SEEN), remembered.claim)
    assert (await support.load([ANN]))[0].placed is not None
    await import_history(log, support, history())
    assert (await support.load([ANN]))[0].placed is None
    await log.close()  # the notes go with the last commit
    log.start()
    assert await log.pending(10) == {}


async def test_without_redis_the_log_keeps_readers_away_from_old_windows(log: EventLog) -> None:
    nowhere = connect("redis://127.0.0.1:1", 100)
    gone = SupportStore(nowhere, "thaw", ttl_seconds=60)
    with pytest.raises(StorageUnavailable):
        await gone.ping()
    done = await import_history(log, gone, history())
    await nowhere.close()
    assert done.new == 14
    assert set(await log.pending(10)) == {ANN, BEN}
