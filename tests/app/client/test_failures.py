"""What the client does when answers are lost, late, or not what was hoped for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.client import AsyncThaw, Attempts, Bounds, Event, Refused, Thaw, Unanswered
from tests.app.client.conftest import PATIENT, address, environment, new_keys
from tests.integration.served import Served, free_port

QUICK = replace(PATIENT, attempts=3, pause=0.001)
Fault = Callable[[httpx.Response], httpx.Response]
"""What becomes of an answer on its way."""


def lost(_: httpx.Response) -> httpx.Response:
    raise httpx.ReadTimeout("the answer never came")


def busy(_: httpx.Response) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "0"}, json={"title": "Overloaded"})


def page_of_a_proxy(_: httpx.Response) -> httpx.Response:
    return httpx.Response(200, html="<h1>Sign in</h1>")


class Faults:
    """One for each of the first answers; later ones arrive whole."""

    def __init__(self, *faults: Fault) -> None:
        self.left = list(faults)
        self.sent: list[bytes] = []

    def spoil(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        self.sent.append(request.content)
        return self.left.pop(0)(answer) if self.left else answer


class Line(httpx.HTTPTransport):
    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        answer.read()
        return self._faults.spoil(request, answer)


class AsyncLine(httpx.AsyncHTTPTransport):
    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        await answer.aread()
        return self._faults.spoil(request, answer)


def client(served: Served, *faults: Fault) -> Thaw:
    line = Line(Faults(*faults))
    return Thaw(address(served), served.keys["server"], bounds=QUICK, transport=line)


@pytest.mark.parametrize("fault", [lost, busy, page_of_a_proxy])
def test_what_is_sent_again_counts_once(running: Served, someone: str, fault: Fault) -> None:
    with client(running, fault, fault) as thaw:
        recorded = thaw.record(Event("like", "i001", user_id=someone))
        assert (recorded.accepted, recorded.duplicates) == (0, 1)
        assert len(thaw.user_events(someone)) == 1


async def test_the_same_where_it_is_awaited(running: Served, someone: str) -> None:
    faults = Faults(lost, busy)
    line = AsyncLine(faults)
    key = running.keys["server"]
    async with AsyncThaw(address(running), key, bounds=QUICK, transport=line) as thaw:
        await thaw.record(Event("like", "i001", user_id=someone))
        assert len(await thaw.user_events(someone)) == 1
    first, second, third, _ = faults.sent
    assert first == second == third


def test_attempts_are_counted(running: Served, someone: str) -> None:
    with client(running, lost, lost, lost) as thaw, pytest.raises(Unanswered, match="ReadTimeout"):
        thaw.get_user(someone)
    with client(running, busy, busy, busy) as thaw, pytest.raises(Refused) as told:
        thaw.get_user(someone)
    assert (told.value.status, told.value.temporary) == (503, True)


def test_a_rollback_is_never_sent_twice(running: Served) -> None:
    faults = Faults(lost)
    key = running.keys["publishable"]
    with Thaw(address(running), key, bounds=QUICK, transport=Line(faults)) as thaw:
        with pytest.raises(Unanswered):
            thaw.roll_back_weights()
        assert len(faults.sent) == 1


def test_a_refusal_says_why_and_is_not_repeated(running: Served, someone: str) -> None:
    faults = Faults()
    key = running.keys["publishable"]
    with Thaw(address(running), key, bounds=QUICK, transport=Line(faults)) as thaw:
        with pytest.raises(Refused, match="Not allowed with this key") as told:
            thaw.get_user(someone)
        with pytest.raises(Refused, match="/k: ") as wrong:
            thaw.recommend(k=0)
    assert (told.value.status, wrong.value.status, len(faults.sent)) == (403, 422, 2)
    assert wrong.value.problem["errors"][0]["pointer"] == "/k"


@pytest.mark.parametrize(
    ("asked", "least"), [("7", 7.0), ("Fri, 01 Jan 2199 00:00:00 GMT", 1e9), ("soon", 0.0)]
)
def test_the_pause_that_is_asked_for_is_kept_or_the_call_given_up(
    someone: str, asked: str, least: float
) -> None:
    call = Thaw.get_user(None, someone)
    with pytest.raises(Refused) as refusal:
        call.read(httpx.Response(429, headers={"Retry-After": asked}))
    assert refusal.value.retry_after >= least
    patient, hasty = Attempts(Bounds(deadline=1e12), call), Attempts(Bounds(deadline=0.0), call)
    pause = patient.pause(refusal.value)
    assert pause is not None
    assert pause >= least
    assert hasty.pause(refusal.value) is None


def test_pauses_grow_and_differ() -> None:
    failure = Unanswered("no answer")
    call = Thaw.weights(None)
    pauses = list[list[float]]()
    for _ in range(50):
        attempts = Attempts(Bounds(attempts=4, pause=1.0, deadline=1e9), call)
        told = [attempts.pause(failure) for _ in range(4)]
        assert told[3] is None
        pauses.append([pause for pause in told if pause is not None])
    for place, longest in enumerate((1.0, 2.0, 4.0)):
        drawn = {one[place] for one in pauses}
        assert len(drawn) > 1
        assert 0 <= min(drawn) <= max(drawn) < longest


def own_list(question: Mapping[str, Any]) -> list[str]:
    return [f"best for {question['anonymous_id']}", "second", "third"]


def test_lists_fall_back_where_nobody_answers() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Thaw(url, "key", bounds=QUICK, fallback=own_list) as thaw:
        found = thaw.recommend(anonymous_id="guest", k=2)
        assert found.item_ids == ("best for guest", "second")
        assert found.personalization.mode == found.items[0].source == "fallback"
        assert "ConnectError" in str(found.degraded)
        with pytest.raises(Unanswered):
            thaw.record(Event("like", "i001", anonymous_id="guest"))


async def test_lists_fall_back_where_they_are_awaited() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with AsyncThaw(url, "key", bounds=QUICK, fallback=own_list) as thaw:
        assert (await thaw.recommend(anonymous_id="guest", k=1)).item_ids == ("best for guest",)


async def test_lists_fall_back_where_the_service_cannot_recommend(tmp_path: Path) -> None:
    unready = Served(environment(tmp_path), await new_keys(tmp_path), tmp_path / "log")
    await unready.start(until="/livez")
    key = unready.keys["server"]
    async with AsyncThaw(address(unready), key, bounds=QUICK, fallback=own_list) as thaw:
        found = await thaw.recommend(anonymous_id="guest")
        assert str(found.degraded).startswith("503 No meta-weights")
        with pytest.raises(Refused, match="thaw train"):
            await thaw.ready()
    unready.stop()


def test_a_mistake_of_the_caller_is_not_hidden_by_the_fallback(running: Served) -> None:
    thaw = Thaw(address(running), "wrong", bounds=QUICK, fallback=own_list)
    with thaw, pytest.raises(Refused, match="401"):
        thaw.recommend(anonymous_id="guest")


def test_without_a_fallback_nobody_answering_is_an_error() -> None:
    thaw = Thaw(f"http://127.0.0.1:{free_port()}", "key", bounds=QUICK)
    with thaw, pytest.raises(Unanswered, match="POST /v1/recommendations: ConnectError"):
        thaw.recommend(anonymous_id="guest")


def test_what_is_no_json_is_told_before_it_is_sent() -> None:
    thaw = Thaw(f"http://127.0.0.1:{free_port()}", "key", bounds=QUICK)
    with thaw, pytest.raises(TypeError, match="set cannot be sent as JSON"):
        thaw.put_item("i001", properties={"tags": {"a", "b"}})
