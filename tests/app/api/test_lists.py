"""What a caller may wish of a list: filters, boosts, pins, order, pages, reasons, scenarios."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from app.domain import Scope
from app.settings import BoostSettings, ScenarioSettings
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import generated_ids, save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDS = generated_ids()
KINDS = ("red", "green", "blue")
SCENARIOS = {
    "blue": ScenarioSettings(filter={"field": "kind", "eq": "blue"}),
    "greener": ScenarioSettings(
        boosts=(BoostSettings(filter={"field": "kind", "eq": "green"}, factor=1_000),)
    ),
    "fresh": ScenarioSettings(fading={"published": 1.0}),
    "friends": ScenarioSettings(exclude_self=True, exclude_listed_in=("friends", "blocked")),
    "surprise": ScenarioSettings(exploration=1.0),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    async with serve(make_settings(state, scenarios=SCENARIOS)) as served:
        items = [
            {"item_id": item_id, "properties": {"kind": KINDS[n % 3], "price": n}}
            for n, item_id in enumerate(IDS)
        ]
        told = await served.send("PUT", "/v1/items", {"items": items})
        assert told.status_code == 200, told.text
        yield served


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def kinds(answer: dict[str, Any]) -> set[str]:
    return {KINDS[int(item_id[1:]) % 3] for item_id in ids(answer)}


async def like(service: Service, someone: str, *item_ids: str) -> None:
    await service.events(
        *(
            {"type": "like", "user_id": someone, "item_id": one, "event_id": f"e-{one}"}
            for one in item_ids
        )
    )


async def refused(service: Service, scope: Scope = Scope.SERVER, **question: Any) -> str:
    response = await service.send("POST", "/v1/recommendations", question, scope=scope)
    assert response.status_code == 422, response.text
    pointer: str = response.json()["errors"][0]["pointer"]
    return pointer


async def test_a_filter_lets_only_some_through(service: Service) -> None:
    cheap = {"all": [{"field": "kind", "in": ["red", "blue"]}, {"field": "price", "lt": 9}]}
    answer = await service.recommendations(k=50, filter=cheap)
    assert sorted(ids(answer)) == ["i000", "i002", "i003", "i005", "i006", "i008"]
    assert answer["shortfall"] == "filter_exhausted"


async def test_a_filter_holds_at_the_deadline_too(service: Service) -> None:
    only = {"field": "kind", "eq": "green"}
    answer = await service.recommendations(k=5, filter=only, timeout_ms=1)
    assert kinds(answer) == {"green"}


async def test_what_is_no_filter_is_named(service: Service) -> None:
    colour = {"all": [{"field": "colour", "eq": "red"}]}
    assert await refused(service, filter=colour) == "/filter/all/0/field"
    assert await refused(service, filter={"field": "kind", "gt": 1}) == "/filter/gt"
    boost = {"filter": {"field": "kind"}, "factor": 2}
    assert await refused(service, boosts=[boost]) == "/boosts/0/filter"
    assert await refused(service, boosts=[{**boost, "factor": 0}]) == "/boosts/0/factor"
    assert await refused(service, scenario="unheard-of") == "/scenario"
    assert await refused(service, diversity=0.5, exploration=0.5) == "/diversity"
    assert await refused(service, cursor="nonsense") == "/cursor"


@pytest.mark.parametrize(
    "comparison",
    [{"gt": 10**400}, {"eq": -(10**400)}, {"in": [1, 10**400]}, {"contains": 10**400}],
)
async def test_numbers_that_nothing_can_be_compared_with_are_named(
    service: Service, comparison: dict[str, Any]
) -> None:
    [operator] = comparison
    asked = {"field": "price", **comparison}
    assert await refused(service, filter=asked) == f"/filter/{operator}"
    boost = {"filter": asked, "factor": 2}
    assert await refused(service, boosts=[boost]) == f"/boosts/0/filter/{operator}"


async def test_names_in_a_filter_are_told_as_json_pointers_say_them(service: Service) -> None:
    assert await refused(service, filter={"a/b~": 1}) == "/filter/a~1b~0"
    surrogate = b'{"filter": {"field": "price", "\\ud800": 1}}'
    answer = await service.send("POST", "/v1/recommendations", surrogate)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/filter/\\ud800"


async def test_boosts_lift(service: Service, someone: str) -> None:
    boost = {"filter": {"field": "kind", "eq": "blue"}, "factor": 1_000}
    assert kinds(await service.recommendations(user_id=someone, boosts=[boost])) == {"blue"}


async def test_pins_come_first_if_they_may_be_shown(service: Service, someone: str) -> None:
    await like(service, someone, "i040")
    hidden = await service.send("PUT", "/v1/items/hidden", {"hidden": True})
    assert hidden.status_code in {200, 201}
    pins = ["i050", "hidden", "i040", "unheard-of"]
    answer = await service.recommendations(user_id=someone, k=4, pins=pins)
    assert ids(answer)[:2] == ["i050", "i040"]
    assert [item["source"] for item in answer["items"]] == ["pinned", "pinned"] + ["adapted"] * 2
    assert len(set(ids(answer))) == 4


async def test_pins_are_there_at_the_deadline_too(
    service: Service, someone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(service.runtime.parts.engine, "rank", late)
    pins = ["i050", "unheard-of", "i040"]
    answer = await service.recommendations(
        user_id=someone, k=4, pins=pins, exclude_item_ids=["i040"]
    )
    assert answer["degraded"] == "deadline"
    assert ids(answer)[0] == "i050"
    assert [item["source"] for item in answer["items"]] == ["pinned"] + ["popular"] * 3
    assert "i040" not in ids(answer)


async def test_diversity_keeps_the_first_and_mixes_the_rest(service: Service, someone: str) -> None:
    await like(service, someone, "i007", "i008")
    plain = await service.recommendations(user_id=someone, k=8)
    mixed = await service.recommendations(user_id=someone, k=8, diversity=0.9)
    assert ids(mixed)[0] == ids(plain)[0]
    assert ids(mixed) != ids(plain)
    assert ids(await service.recommendations(user_id=someone, k=8, diversity=0.0)) == ids(plain)


async def test_exploration_is_drawn_by_its_seed(service: Service) -> None:
    first = await service.recommendations(k=8, exploration=1.0, seed=7)
    again = await service.recommendations(k=8, exploration=1.0, seed=7)
    assert (first["items"], first["seed"]) == (again["items"], 7)
    assert all(0 < item["propensity"] <= 1 for item in first["items"])
    assert {item["source"] for item in first["items"]} == {"explored"}
    drawn = {tuple(ids(await service.recommendations(k=8, scenario="surprise"))) for _ in range(5)}
    assert len(drawn) > 1
    plain = await service.recommendations(k=8, exploration=0.0, scenario="surprise")
    assert "propensity" not in plain["items"][0]


async def test_hardly_any_exploration_is_none(service: Service) -> None:
    answer = await service.recommendations(k=8, exploration=1e-309, seed=7)
    assert [item["propensity"] for item in answer["items"]] == [1.0] * 8
    assert ids(answer) == ids(await service.recommendations(k=8))


@pytest.mark.parametrize("seed", [{}, {"seed": 4}])
async def test_later_pages_tell_of_the_draw_that_they_are_from(
    service: Service, someone: str, seed: dict[str, Any]
) -> None:
    pins = [f"i00{n}" for n in range(5)]
    asked: dict[str, Any] = {"user_id": someone, "k": 3, "exploration": 0.7, "pins": pins}
    first = await service.recommendations(**asked, seed=3, cursor="")
    second = await service.recommendations(**asked, **seed, cursor=first["next_cursor"])
    third = await service.recommendations(user_id=someone, k=3, cursor=second["next_cursor"])
    assert [page["seed"] for page in (first, second, third)] == [3, 3, 3]
    items = [item for page in (first, second, third) for item in page["items"]]
    assert [item["source"] for item in items] == ["pinned"] * 5 + ["explored"] * 4
    assert all(0 < item["propensity"] <= 1 for item in items[5:])
    again = await service.recommendations(**{**asked, "k": 9}, seed=3, cursor="")
    assert again["items"] == items


async def test_each_item_says_which_events_it_is_due_to(service: Service, someone: str) -> None:
    await like(service, someone, "i010", "i033")
    answer = await service.recommendations(user_id=someone, k=5, explain=True)
    reasons = [reason for item in answer["items"] for reason in item["reasons"]]
    assert {reason["item_id"] for reason in reasons} <= {"i010", "i033"}
    assert reasons
    for reason in reasons:
        assert reason["event_id"] == f"e-{reason['item_id']}"
        assert reason["contribution"] > 0


async def test_a_contribution_is_what_the_score_lacks_without_the_event(
    service: Service, someone: str
) -> None:
    other = f"{someone}-less"
    await like(service, someone, "i010", "i033")
    await like(service, other, "i033")
    answer = await service.recommendations(user_id=someone, k=3, explain=True)
    less = await service.recommendations(user_id=other, k=60, include_seen=True)
    scores = {item["item_id"]: item["score"] for item in less["items"]}
    found = 0
    for item in answer["items"]:
        for reason in item["reasons"]:
            if reason["item_id"] == "i010":
                found += 1
                lacking = item["score"] - scores[item["item_id"]]
                assert reason["contribution"] == pytest.approx(lacking, abs=1e-5)
    assert found


async def test_only_server_keys_may_ask_for_reasons(service: Service, someone: str) -> None:
    question = {"anonymous_id": someone, "explain": True}
    answer = await service.send("POST", "/v1/recommendations", question, scope=Scope.PUBLISHABLE)
    assert answer.status_code == 403


async def test_pages_never_repeat_and_drop_what_is_hidden(service: Service, someone: str) -> None:
    whole = ids(await service.recommendations(user_id=someone, k=60))
    page = await service.recommendations(user_id=someone, k=20, cursor="")
    assert ids(page) == whole[:20]
    await service.send("PATCH", f"/v1/items/{whole[25]}", {"hidden": True})
    await like(service, someone, whole[30])
    second = await service.recommendations(user_id=someone, k=20, cursor=page["next_cursor"])
    rest = [one for one in whole if one not in {whole[25], whole[30]}]
    assert ids(second) == rest[20:40]
    third = await service.recommendations(user_id=someone, k=40, cursor=second["next_cursor"])
    assert ids(third) == rest[40:]
    assert (third["next_cursor"], third["shortfall"]) == (None, "list_exhausted")
    await service.send("PATCH", f"/v1/items/{whole[25]}", {"hidden": False})


async def test_a_page_belongs_to_one_person(service: Service, someone: str) -> None:
    page = await service.recommendations(user_id=someone, k=5, cursor="")
    assert (
        await refused(service, user_id=f"{someone}-else", cursor=page["next_cursor"]) == "/cursor"
    )
    assert await refused(service, cursor=f"{'0' * 24}.5", user_id=someone) == "/cursor"


async def test_scenarios_filter_boost_and_fade(service: Service) -> None:
    assert kinds(await service.recommendations(scenario="blue")) == {"blue"}
    assert kinds(await service.recommendations(scenario="greener")) == {"green"}
    first = ids(await service.recommendations())[0]
    old = {"kind": "red", "price": 0, "published": 946_684_800_000}
    await service.send("PUT", f"/v1/items/{first}", {"properties": old})
    assert first not in ids(await service.recommendations(scenario="fresh", k=50))
    assert ids(await service.recommendations())[0] == first


async def test_people_do_not_meet_themselves_their_friends_or_whom_they_block(
    service: Service,
) -> None:
    told = {"properties": {"friends": ["i000"], "blocked": ["i002", 3]}}
    await service.send("PUT", "/v1/users/i001", told)
    answer = ids(await service.recommendations(user_id="i001", scenario="friends", k=60))
    assert {"i000", "i001", "i002"}.isdisjoint(answer)
    assert {"i000", "i001", "i002"} <= set(ids(await service.recommendations(user_id="i001", k=60)))
