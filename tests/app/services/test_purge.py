"""The service forgets what people did too long ago."""

from pathlib import Path

from prometheus_client import REGISTRY

from app.domain import Entity, Namespace
from app.services.ingest import EventDraft, ingest
from app.services.parts import Parts
from app.services.purge import GRACE_MS, purge
from app.services.question import Answer, Question
from app.services.recommend import recommend
from app.services.reload import reload
from tests.generated import generated_ids, save_generated

NOW = 1_700_000_000_000
DAY = 86_400_000
ITEMS = generated_ids()


def person(name: str) -> Entity:
    return Entity(Namespace.USER, name)


def liked(name: str, place: int, at: int) -> EventDraft:
    return EventDraft("like", person(name), ITEMS[place], f"{name}-{place}", timestamp=at)


async def asked(parts: Parts, name: str) -> Answer:
    return await recommend(parts, Question(person(name), k=5), NOW)


async def test_whose_past_has_gone_gets_what_somebody_without_it_gets(
    parts: Parts, tmp_path: Path
) -> None:
    save_generated(tmp_path / "weights")
    await reload(parts, None, dry_run=False, now=NOW)
    await purge(parts, NOW)
    later = NOW + parts.policy.retention_ms + GRACE_MS
    old = [liked("ann", 1, NOW - 2), liked("ann", 2, NOW - 1), liked("cid", 3, NOW - 1)]
    await ingest(parts, old, NOW)
    recent = [liked(name, 4, NOW + 5) for name in ("ann", "bob")]
    await ingest(parts, recent, NOW + 10)
    assert (await asked(parts, "ann")).personalization.support == 3
    before = REGISTRY.get_sample_value("thaw_purged_events_total")
    assert before is not None
    assert await purge(parts, later) == 3
    assert REGISTRY.get_sample_value("thaw_purged_events_total") == before + 3
    ann, bob = await asked(parts, "ann"), await asked(parts, "bob")
    assert ann.personalization.support == 1
    assert ann.items == bob.items
    cid, nobody = await asked(parts, "cid"), await asked(parts, "nobody")
    assert cid.personalization.mode == nobody.personalization.mode == "prior"
    assert cid.items == nobody.items
    assert await purge(parts, later) == 0


async def test_a_retry_is_refused_before_its_first_delivery_is_deleted(parts: Parts) -> None:
    await purge(parts, 0)
    event = liked("ann", 1, NOW)
    await ingest(parts, [event], NOW)
    last = NOW + parts.policy.retention_ms
    assert await purge(parts, last) == 0
    assert (await ingest(parts, [event], last)).duplicates == 1
    [refused] = (await ingest(parts, [event], last + 1)).rejected
    assert refused.code == "too_old"
