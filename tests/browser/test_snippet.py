"""thaw.js in the page of a shop, which is of another origin than the service."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = """async ([url, key, more]) => {
  const { Thaw } = await import("/assets/thaw.js");
  window.warnings = [];
  window.thaw = new Thaw({
    url, key, timeoutMs: 60_000, batchMs: 60_000, warn: (text) => warnings.push(text), ...more
  });
}"""


class Shop:
    """A page of the shop and what it sent to the service."""

    def __init__(self, page: Page, address: str, keys: dict[str, str]) -> None:
        self.page, self.address, self.keys = page, address, keys
        self.sent: list[Request] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.sent.append(request)

    async def open(self, address: str | None = None, **options: Any) -> None:
        key = options.pop("key", self.keys["publishable"])
        await self.page.goto(f"{self.address.replace('127.0.0.1', 'localhost')}/livez")
        await self.page.evaluate(OPEN, [address or self.address, key, options])

    async def does(self, script: str) -> Any:
        return await self.page.evaluate(script)

    async def recommend(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.does("thaw.recommend({ k: 3 })")
        return found

    async def visitor(self) -> str:
        return str(await self.does("thaw.anonymousId"))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The service itself, with a server key."""
        headers = {"X-API-Key": self.keys["server"]}
        url = self.address + path
        answer = httpx.request(method, url, json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer

    def support(self, visitor: str) -> int:
        question = {"anonymous_id": visitor, "k": 1}
        answer = self.ask("POST", "/v1/recommendations", question).json()
        return int(answer["personalization"]["support"])

    def events(self, visitor: str) -> list[str]:
        """Lines of all that is kept of the visitor, who signs in for it."""
        self.ask("POST", f"/v1/users/{visitor}/merge", {"from": visitor})
        return str(self.ask("GET", f"/v1/users/{visitor}/events").text).splitlines()


@pytest_asyncio.fixture(loop_scope="module")
async def shop(browser: Browser, address: str, keys: dict[str, str]) -> AsyncIterator[Shop]:
    context = await browser.new_context()
    opened = Shop(await context.new_page(), address, keys)
    await opened.open()
    yield opened
    await context.close()


async def test_events_travel_together_and_the_list_knows_them(shop: Shop) -> None:
    before = await shop.recommend()
    await shop.does(f"thaw.record('like', '{before['items'][0]['item_id']}', {{ position: 0 }})")
    await shop.does("['i003', 'i004'].map((item) => thaw.record('click', item))")
    after = await shop.recommend()
    assert before["personalization"]["mode"] == "prior"
    assert (after["personalization"]["mode"], after["personalization"]["support"]) == ("adapted", 3)
    assert before["items"][0]["item_id"] not in [item["item_id"] for item in after["items"]]
    assert sum("/v1/events" in request.url for request in shop.sent) == 1
    assert await shop.does("warnings") == []


async def test_events_are_sent_by_themselves_after_a_while(shop: Shop) -> None:
    await shop.open(batchMs=1)
    async with shop.page.expect_response(lambda answer: "/v1/events" in answer.url) as answer:
        await shop.does("thaw.record('like', 'i001')")
    assert (await answer.value).status == 202


async def test_what_waits_when_the_page_goes_is_sent_by_a_beacon(shop: Shop) -> None:
    visitor = await shop.visitor()
    await shop.does("for (let n = 0; n < 150; n++) thaw.record('like', `i0${10 + (n % 50)}`)")
    await shop.page.goto("about:blank")
    while shop.support(visitor) < 50:
        await shop.page.wait_for_timeout(20)
    assert len(shop.events(visitor)) == 150


async def test_an_answer_that_is_lost_does_not_count_an_event_twice(shop: Shop) -> None:
    losses = 0

    async def lose_the_first(route: Route) -> None:
        nonlocal losses
        losses += 1
        if losses == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await shop.page.route("**/v1/events*", lose_the_first)
    async with shop.page.expect_response(lambda answer: "/v1/events" in answer.url) as answer:
        await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    assert (await (await answer.value).json())["duplicates"] == 1
    assert len(shop.events(await shop.visitor())) == 1


async def test_a_pause_that_is_asked_for_is_kept_while_lists_go_on(shop: Shop) -> None:
    tries = 0

    async def busy(route: Route) -> None:
        nonlocal tries
        tries += 1
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
        await route.fulfill(status=503, headers={**allowed, "Retry-After": "3600"}, body="{}")

    await shop.page.route("**/v1/events*", busy)
    await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    for _ in range(2):
        assert (await shop.recommend())["personalization"]["mode"] == "prior"
    assert tries == 1


async def test_the_visitor_stays_the_same_until_forgotten(shop: Shop) -> None:
    visitor = await shop.visitor()
    await shop.open()
    assert await shop.visitor() == visitor
    await shop.does("thaw.forget()")
    assert await shop.visitor() != visitor
    assert len(visitor) == 32


async def test_without_storage_the_visitor_lives_as_long_as_the_page(shop: Shop) -> None:
    await shop.does(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    )
    visitor = await shop.visitor()
    assert await shop.visitor() == visitor
    await shop.does("thaw.forget()")
    assert await shop.visitor() != visitor


FALLBACK = "({ k }) => ['best', 'second', `of ${k}`, 'last']"


@pytest.mark.parametrize("how", ["unreachable", "silent"])
async def test_lists_fall_back_where_no_answer_comes(shop: Shop, how: str) -> None:
    async def silent(_: Route) -> None:
        """Never answers."""

    await shop.page.route("**/v1/recommendations", silent)
    url = shop.address if how == "silent" else "http://127.0.0.1:9"
    found = await shop.does(
        f"""(async () => {{
          const {{ Thaw }} = await import("/assets/thaw.js");
          const options = {{ url: "{url}", key: "k", timeoutMs: 200, fallback: {FALLBACK} }};
          const answer = await new Thaw(options).recommend({{ k: 3 }});
          const error = await new Thaw({{ ...options, fallback: null }}).recommend().catch(String);
          return [answer, error];
        }})()"""
    )
    answer, error = found
    assert [item["item_id"] for item in answer["items"]] == ["best", "second", "of 3"]
    assert answer["personalization"]["mode"] == "fallback"
    assert answer["degraded"]
    assert "Error" in error


async def test_what_is_refused_is_told_and_not_sent_again(shop: Shop) -> None:
    await shop.open(key="wrong")
    await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    await shop.does("thaw.flush()")
    assert ["401" in told for told in await shop.does("warnings")] == [True]
    assert len(shop.sent) == 1
    refusal = await shop.does("thaw.recommend().catch((error) => [error.message, error.status])")
    assert refusal == ["401 API key needed: " + refusal[0].partition(": ")[2], 401]


async def test_events_that_the_service_leaves_out_are_told(shop: Shop) -> None:
    await shop.does("(thaw.record('no-such', 'i001'), thaw.record('like', 'i001'), thaw.flush())")
    [told] = await shop.does("warnings")
    assert "no-such" in told
    assert shop.support(await shop.visitor()) == 1


async def test_one_event_that_is_too_large_does_not_hold_up_the_others(shop: Shop) -> None:
    await shop.does(
        """(thaw.record('like', 'i001', { context: { text: 'x'.repeat(2_000_000) } }),
        thaw.record('like', 'i002', { context: { text: 'x'.repeat(100_000) } }),
        thaw.record('like', 'i003'), thaw.flush())"""
    )
    [told] = await shop.does("warnings")
    assert "413" in told
    assert shop.support(await shop.visitor()) == 2


def token_of(shop: Shop, user_id: str, seconds: int = 900) -> str:
    return str(shop.ask("POST", f"/v1/users/{user_id}/token", {"seconds": seconds}).json()["token"])


def support_of(shop: Shop, user_id: str) -> int:
    answer = shop.ask("POST", "/v1/recommendations", {"user_id": user_id, "k": 1}).json()
    return int(answer["personalization"]["support"])


async def test_a_user_who_has_signed_in_is_served_by_a_token(shop: Shop) -> None:
    await shop.open(userToken=token_of(shop, "ann ☃"))
    await shop.does("(thaw.record('like', 'i001'), thaw.record('click', 'i002'))")
    assert (await shop.recommend())["personalization"]["support"] == 2
    assert support_of(shop, "ann ☃") == 2
    assert shop.support(await shop.visitor()) == 0
    assert await shop.does("warnings") == []


async def test_after_signing_out_a_guest_is_served(shop: Shop) -> None:
    await shop.open(userToken=token_of(shop, "ben"))
    await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    await shop.does("(thaw.record('like', 'i002'), thaw.forget(), thaw.record('like', 'i003'))")
    assert (await shop.recommend())["personalization"]["support"] == 1
    assert (support_of(shop, "ben"), shop.support(await shop.visitor())) == (2, 1)


ASKED = """async ([url, key, tokens]) => {
  const { Thaw } = await import("/assets/thaw.js");
  window.asked = 0;
  window.warnings = [];
  window.thaw = new Thaw({
    url, key, timeoutMs: 60_000, batchMs: 60_000, warn: (text) => warnings.push(text),
    userToken: async () => tokens[Math.min(asked++, tokens.length - 1)],
  });
}"""


async def ask_for_tokens(shop: Shop, *tokens: str | None) -> None:
    """A snippet whose function gives one token after the other, and then the last for ever."""
    await shop.page.evaluate(ASKED, [shop.address, shop.keys["publishable"], list(tokens)])


async def test_a_function_is_asked_for_a_token_when_one_is_needed(shop: Shop) -> None:
    short = token_of(shop, "cat", seconds=1)
    await ask_for_tokens(shop, short, token_of(shop, "cat"))
    assert await shop.does("asked") == 0
    for _ in range(3):
        await shop.does("thaw.record('like', 'i001')")
        assert (await shop.recommend())["personalization"]["support"] == 1
    assert await shop.does("asked") == 2


async def test_a_token_that_is_refused_is_replaced_once(shop: Shop) -> None:
    good = token_of(shop, "dan")
    forged = good[:-6] + "AAAAAA"
    await ask_for_tokens(shop, forged, good)
    await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    assert (await shop.recommend())["personalization"]["support"] == 1
    await ask_for_tokens(shop, forged)
    assert await shop.does("thaw.recommend().catch((error) => error.status)") == 401
    assert await shop.does("asked") == 2


async def test_who_signs_in_later_is_a_guest_until_then(shop: Shop) -> None:
    await ask_for_tokens(shop, None, token_of(shop, "eve"))
    await shop.does("(thaw.record('like', 'i001'), thaw.flush())")
    await shop.does("(thaw.record('like', 'i002'), thaw.flush())")
    assert (support_of(shop, "eve"), shop.support(await shop.visitor())) == (1, 1)


async def test_what_a_user_did_outlives_the_page(shop: Shop) -> None:
    await shop.open(userToken=token_of(shop, "fay"))
    await shop.recommend()
    await shop.does("for (let n = 10; n < 22; n++) thaw.record('like', `i0${n}`)")
    await shop.page.goto("about:blank")
    while support_of(shop, "fay") < 12:
        await shop.page.wait_for_timeout(20)


async def test_a_source_of_tokens_that_is_refused_is_not_asked_without_a_pause(shop: Shop) -> None:
    asked = await shop.does(
        f"""(async () => {{
          const {{ Thaw }} = await import("/assets/thaw.js");
          let asked = 0;
          const userToken = () => {{
            asked++;
            return Promise.reject(Object.assign(new Error("forbidden"), {{ status: 403 }}));
          }};
          const options = {{ url: "{shop.address}", key: "{shop.keys["publishable"]}", userToken }};
          const thaw = new Thaw({{ ...options, batchMs: 1 }});
          thaw.record("like", "i001");
          await new Promise((done) => setTimeout(done, 300));
          return asked;
        }})()"""
    )
    assert 1 <= asked <= 3


async def test_a_failing_source_of_tokens_falls_back_and_loses_nothing(shop: Shop) -> None:
    token = token_of(shop, "gus")
    found = await shop.does(
        f"""(async () => {{
          const {{ Thaw }} = await import("/assets/thaw.js");
          let fails = true;
          const userToken = () => fails ? Promise.reject(new Error("signed out")) : "{token}";
          const options = {{ url: "{shop.address}", key: "{shop.keys["publishable"]}", userToken }};
          const thaw = new Thaw({{ ...options, timeoutMs: 60_000, fallback: () => ["best"] }});
          thaw.record("like", "i001");
          const {{ personalization, degraded }} = await thaw.recommend();
          fails = false;
          window.thaw = thaw;
          return [personalization.mode, degraded];
        }})()"""
    )
    assert found == ["fallback", "signed out"]
    while support_of(shop, "gus") < 1:
        await shop.page.wait_for_timeout(20)
