"""Every method of the client against a running service."""

from datetime import UTC, datetime

import httpx
import pytest

from app.client import AsyncThaw, Event, PastEvent, Rate, Refused, Thaw
from tests.app.client.conftest import PATIENT, address
from tests.integration.served import Served


def test_a_list_reflects_what_was_recorded_just_before(thaw: Thaw, someone: str) -> None:
    before = thaw.recommend(user_id=someone, k=5)
    liked = before.item_ids[0]
    recorded = thaw.record(Event("like", liked, user_id=someone))
    after = thaw.recommend(user_id=someone, k=5, min_watermark=recorded.watermark)
    assert (before.personalization.mode, after.personalization.mode) == ("prior", "adapted")
    assert (recorded.accepted, recorded.rejected, after.personalization.support) == (1, (), 1)
    assert liked not in after.item_ids
    assert [item.rank for item in after.items] == [1, 2, 3, 4, 5]
    assert after.degraded is after.shortfall is None


def test_options_of_lists_reach_the_service(thaw: Thaw, someone: str) -> None:
    thaw.put_item("i007", properties={"title": "Alien"})
    found = thaw.recommend(
        anonymous_id=someone,
        candidate_item_ids=["i007", "i008", "i009"],
        exclude_item_ids=["i008"],
        properties=["title"],
    )
    assert {item.item_id: item.properties for item in found.items} == {
        "i007": {"title": "Alien"},
        "i009": {},
    }
    assert found.shortfall is not None


def test_bad_events_are_told_and_the_others_count(thaw: Thaw, someone: str) -> None:
    good = Event("like", "i001", user_id=someone, timestamp=datetime.now(UTC), context={"a": [1]})
    recorded = thaw.record(good, Event("no such type", "i001", user_id=someone), good)
    assert (recorded.accepted, recorded.duplicates) == (1, 1)
    assert [bad.index for bad in recorded.rejected] == [1]
    [kept] = thaw.user_events(someone)
    assert kept == PastEvent(good.event_id, "like", "i001", 1.0, kept.timestamp, context={"a": [1]})


def test_lists_for_many_come_in_the_order_asked(thaw: Thaw, someone: str) -> None:
    ids = [f"{someone}{n}\u2028" for n in range(70)]
    found = thaw.recommend_many(ids, k=2)
    assert [one.user_id for one in found] == ids
    assert {len(one.items) for one in found} == {2}


def test_a_preview_tells_what_would_move(thaw: Thaw) -> None:
    seen = thaw.preview(Event("like", "i003"), user={"town": "Oslo"}, k=3)
    assert (seen.mode, seen.support, len(seen.before), len(seen.after)) == ("adapted", 1, 3, 3)
    assert "i003" not in {item.item_id for item in seen.after}
    assert seen.moved[0].item_id in {item.item_id for item in (*seen.before, *seen.after)}


@pytest.mark.parametrize("awkward", [".", "..", "a/b", "%2F", "ä ?#", "a\\b"])
def test_items_are_stored_changed_read_and_deleted(thaw: Thaw, someone: str, awkward: str) -> None:
    id_ = awkward if awkward in {".", ".."} else f"{someone}{awkward}"
    until = datetime(2100, 1, 1, tzinfo=UTC)
    stored = thaw.put_item(id_, properties={"stock": 1, "price": 9}, available_until=until)
    assert stored.item_id == id_
    thaw.patch_item(id_, properties={"stock": None}, hidden=True)
    item = thaw.get_item(id_)
    assert (item.item_id, item.properties, item.hidden) == (id_, {"price": 9}, True)
    assert item.available_until == until.timestamp() * 1000
    thaw.patch_item(id_, available_until=None)
    assert thaw.get_item(id_).available_until is None
    assert thaw.item_warmth(id_).shown is False
    assert thaw.delete_item(id_).catalogue_epoch > stored.catalogue_epoch
    with pytest.raises(Refused, match="404"):
        thaw.get_item(id_)


def test_bulk_calls_tell_what_was_left_out(thaw: Thaw, someone: str) -> None:
    items = thaw.put_items({f"{someone}{n}": {"hidden": True} for n in range(3)})
    assert (items.stored, items.rejected) == (3, ())
    assert items.catalogue_epoch is not None
    users = thaw.put_users({someone: {"town": "Rome"}, "": {}})
    assert (users.stored, users.catalogue_epoch) == (1, None)
    assert [bad.index for bad in users.rejected] == [1]
    assert thaw.get_user(someone).properties == {"town": "Rome"}


def test_a_user_is_known_changed_merged_with_a_guest_and_erased(thaw: Thaw, someone: str) -> None:
    guest = f"guest-{someone}"
    assert thaw.put_user(someone, {"town": "Oslo", "age": 7}).user_id == someone
    assert thaw.patch_user(someone, {"age": None}).properties == {"town": "Oslo"}
    thaw.record(Event("like", "i001", anonymous_id=guest))
    merged = thaw.merge(someone, guest)
    assert (merged.moved, merged.duplicates) == (1, 0)
    warmth = thaw.user_warmth(someone)
    assert (warmth.mode, warmth.support) == ("adapted", 1)
    erased = thaw.erase_user(someone)
    assert (erased.events, erased.guests, erased.had_properties) == (1, 1, True)
    assert thaw.user_events(someone) == ()


def test_a_token_lets_a_page_speak_for_one_user(running: Served, thaw: Thaw, someone: str) -> None:
    token = thaw.user_token(someone, seconds=60)
    assert (token.user_id, token.token in repr(token)) == (someone, False)
    key = {"X-API-Key": running.keys["publishable"], "X-User-Token": token.token}
    with httpx.Client(base_url=address(running), headers=key, timeout=60) as page:
        answers = [
            page.post("/v1/recommendations", json={"user_id": user_id})
            for user_id in (someone, "another")
        ]
    assert [answer.status_code for answer in answers] == [200, 403]


def test_meta_weights_are_listed_changed_and_changed_back(running: Served) -> None:
    with Thaw(address(running), running.keys["admin"], bounds=PATIENT) as admin:
        before = admin.weights()
        [other] = {one["version"] for one in before.versions} - {before.active}
        assert admin.reload_weights(other, dry_run=True).version == other
        assert admin.weights().active == before.active
        done = admin.reload_weights(other)
        assert (done.version, done.previous) == (other, before.active)
        state = admin.reload_state(done.reload_id)
        assert (state.stage, [one.version for one in state.replicas]) == ("done", [other])
        assert admin.roll_back_weights().version == before.active
        assert admin.ready().status == "ready"


def test_impact_is_told_with_its_parts(running: Served, someone: str) -> None:
    with (
        Thaw(address(running), running.keys["server"], bounds=PATIENT) as thaw,
        Thaw(address(running), running.keys["admin"], bounds=PATIENT) as admin,
    ):
        listed = thaw.recommend(user_id=someone, k=1)
        [item_id] = listed.item_ids
        thaw.record(
            *(
                Event(type_, item_id, user_id=someone, request_id=listed.request_id)
                for type_ in ("impression", "click")
            )
        )
        impact = admin.impact(days=1)
    assert impact.by_mode["prior"].clicks == impact.total.clicks == 1
    assert impact.total.click_rate == Rate(value=1.0, low=0.2065, high=1.0)
    assert impact.gain is None


def test_an_estimate_says_what_it_lacks(running: Served) -> None:
    with Thaw(address(running), running.keys["admin"], bounds=PATIENT) as admin:
        version = admin.weights().active
        assert version is not None
        estimate = admin.estimate(version, days=2)
    assert (estimate.version, estimate.lists, estimate.click_rate) == (version, 0, None)
    assert estimate.undecided is not None
    assert "explored lists" in estimate.undecided


def test_keys_are_made_rotated_and_revoked(running: Served) -> None:
    with Thaw(address(running), running.keys["admin"], bounds=PATIENT) as admin:
        made = admin.make_key("till", "server")
        rotated = admin.rotate_key(made.key_id, grace_seconds=0)
        assert (rotated.label, rotated.scope, rotated.previous_until) == ("till", "server", None)
        assert rotated.key not in repr(rotated)
        with Thaw(address(running), rotated.key, bounds=PATIENT) as till:
            assert till.recommend(k=1).items
        assert admin.revoke_key(made.key_id).revoked_at is not None
        [listed] = [one for one in admin.keys().keys if one.key_id == made.key_id]
        assert (listed.key, listed.revoked_at is not None) == ("", True)


async def test_the_same_methods_can_be_awaited(running: Served, someone: str) -> None:
    key = running.keys["server"]
    async with AsyncThaw(address(running), key, bounds=PATIENT) as thaw:
        recorded = await thaw.record(Event("like", "i001", user_id=someone))
        found = await thaw.recommend(user_id=someone, min_watermark=recorded.watermark)
        assert found.personalization.mode == "adapted"
        assert [past.item_id for past in await thaw.user_events(someone)] == ["i001"]
        with pytest.raises(Refused, match="404"):
            await thaw.get_item(someone)


def test_methods_say_what_they_do_and_take() -> None:
    assert "newsletter" in str(Thaw.recommend_many.__doc__)
    assert Thaw.recommend_many.__annotations__["user_ids"]
