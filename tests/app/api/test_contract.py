from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.app.api.contract import ACCEPT, broken, current, recorded

Parts = dict[str, Any]
Change = Callable[[Parts, Parts], object]
"""Of the paths and schemas of a document."""

SIMPLE = "/v1/users/{user_id}/recommendations"
LIST = "POST /v1/recommendations: answer 200 as application/json"
EVENT = "POST /v1/events: body as application/json/events/*"


@pytest.fixture(scope="module")
def document() -> Parts:
    return dict(current())


def test_nothing_that_callers_rely_on_is_taken_away(document: Parts) -> None:
    found = broken(recorded(), document)
    assert not found, "\n".join(
        [
            "This would break callers of the API:",
            *found,
            f"If it is meant, record it with `{ACCEPT}` and tell it in CHANGELOG.md.",
        ]
    )


def test_the_record_is_up_to_date(document: Parts) -> None:
    kept = recorded()
    assert all(kept[part] == document[part] for part in ("paths", "components")), (
        f"The API has changed. Record it with `{ACCEPT}`, so that what is new is kept from now on."
    )


def changed(document: Parts, change: Change) -> Parts:
    copy = deepcopy(document)
    change(copy["paths"], copy["components"]["schemas"])
    return copy


def operation(paths: Parts, name: str) -> Parts:
    method, _, path = name.partition(" ")
    found: Parts = paths[path][method.lower()]
    return found


def lose_item(paths: Parts, _: Parts) -> None:
    del paths["/v1/items/{item_id}"]["get"]


def lose_parameter(paths: Parts, _: Parts) -> None:
    operation(paths, f"GET {SIMPLE}")["parameters"].pop()


def need_parameter(paths: Parts, _: Parts) -> None:
    word = {"in": "query", "name": "q", "required": True, "schema": {"type": "string"}}
    operation(paths, f"GET {SIMPLE}")["parameters"].append(word)


def narrow_parameter(paths: Parts, _: Parts) -> None:
    [k] = [one for one in operation(paths, f"GET {SIMPLE}")["parameters"] if one["name"] == "k"]
    k["schema"]["maximum"] = 10


def close(paths: Parts, _: Parts) -> None:
    operation(paths, f"GET {SIMPLE}")["security"][0]["bearer"] = ["admin"]


def lock(paths: Parts, _: Parts) -> None:
    operation(paths, "GET /livez")["security"] = [{"bearer": ["admin"]}]


def need_body(paths: Parts, _: Parts) -> None:
    operation(paths, "POST /v1/admin/weights/reload")["requestBody"]["required"] = True


def lose_beacon(paths: Parts, _: Parts) -> None:
    del operation(paths, "POST /v1/events")["requestBody"]["content"]["text/plain"]


def answer_otherwise(paths: Parts, _: Parts) -> None:
    answers = operation(paths, "POST /v1/events")["responses"]
    answers["200"] = answers.pop("202")


def lose_request_field(_: Parts, schemas: Parts) -> None:
    del schemas["EventIn"]["properties"]["context"]


def need_request_field(_: Parts, schemas: Parts) -> None:
    schemas["EventIn"]["required"].append("event_id")


def narrow_request_field(_: Parts, schemas: Parts) -> None:
    schemas["EventIn"]["properties"]["value"] = {"type": "number", "exclusiveMinimum": 0}


def lose_answer_field(_: Parts, schemas: Parts) -> None:
    del schemas["RecommendedOut"]["properties"]["score"]
    schemas["RecommendedOut"]["required"].remove("score")


def doubt_answer_field(_: Parts, schemas: Parts) -> None:
    schemas["RecommendedOut"]["required"].remove("score")


def change_answer_field(_: Parts, schemas: Parts) -> None:
    schemas["PersonalizationOut"]["properties"]["mode"]["enum"].append("guessed")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda paths, _: paths.pop("/v1/items"), "PUT /v1/items: gone"),
        (lose_item, "GET /v1/items/{item_id}: gone"),
        (lose_parameter, f"GET {SIMPLE}: parameter properties gone"),
        (need_parameter, f"GET {SIMPLE}: parameter q is required now"),
        (narrow_parameter, f"GET {SIMPLE}: parameter k is narrower"),
        (close, f"GET {SIMPLE}: server key by bearer no longer opens it"),
        (lock, "GET /livez: a key is needed now"),
        (need_body, "POST /v1/admin/weights/reload: a body is required now"),
        (lose_beacon, "POST /v1/events: body as text/plain gone"),
        (answer_otherwise, "POST /v1/events: answer 202 gone"),
        (lose_request_field, f"{EVENT}/context gone"),
        (need_request_field, f"{EVENT} is narrower"),
        (narrow_request_field, f"{EVENT}/value is narrower"),
        (lose_answer_field, f"{LIST}/items/*/score gone"),
        (doubt_answer_field, f"{LIST}/items/* may be something else"),
        (change_answer_field, f"{LIST}/personalization/mode may be something else"),
    ],
)
def test_what_breaks_callers_is_named(document: Parts, change: Change, told: str) -> None:
    assert told in broken(document, changed(document, change))


def add_answer_field(_: Parts, schemas: Parts) -> None:
    schemas["RecommendedOut"]["properties"]["novelty"] = {"type": "array"}
    schemas["RecommendedOut"]["required"].append("novelty")


def add_filter(_: Parts, schemas: Parts) -> None:
    own = {"$ref": "#/components/schemas/Filter"}
    some = {"type": "array", "items": own}
    schemas["Filter"] = {"type": "object", "properties": {"all": some, "not": own}}
    schemas["RecommendationsIn"]["properties"]["taste"] = own


def allow_longer_ids(_: Parts, schemas: Parts) -> None:
    schemas["EventIn"]["properties"]["item_id"]["maxLength"] = 1_000


def open_to_admins(paths: Parts, _: Parts) -> None:
    operation(paths, f"GET {SIMPLE}")["security"][0]["bearer"].append("admin")


@pytest.mark.parametrize("change", [add_answer_field, add_filter, allow_longer_ids, open_to_admins])
def test_what_only_adds_breaks_nobody(document: Parts, change: Change) -> None:
    assert broken(document, changed(document, change)) == []
    assert changed(document, change) != document


def test_what_refers_to_itself_is_guarded_too(document: Parts) -> None:
    before = changed(document, add_filter)
    after = deepcopy(before)
    del after["components"]["schemas"]["Filter"]["properties"]["not"]
    place = "POST /v1/recommendations: body as application/json/taste/not gone"
    assert place in broken(before, after)
