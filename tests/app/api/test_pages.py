import json
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import pytest_asyncio

from app.api.assets import PAGES
from app.domain import Scope
from tests.app.api.conftest import Service, make_settings, serve
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    state = tmp_path_factory.mktemp("var")
    save_generated(state / "weights")
    async with serve(make_settings(state, demo=True)) as served:
        keys = {scope.value: key for scope, key in served.keys.items()}
        (state / "dev-keys.json").write_text(json.dumps(keys))
        yield served


async def test_without_demo_mode_there_is_no_page(service: Service) -> None:
    for path in ("/", "/demo/shop", "/demo/titles"):
        response = await service.client.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


LIKE = {"event_id": "e-1", "type": "like", "anonymous_id": "guest-e", "item_id": "i003"}


class Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.urls += [url for name in ("src", "href") if (url := given.get(name))]
        self.inline += tag == "style" or (tag == "script" and "src" not in given)
        self.inline += any(name.startswith("on") or name == "style" for name in given)


async def test_the_page_loads_only_its_own_files_and_has_nothing_inline(demo: Service) -> None:
    page = await demo.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    loads = Loads()
    loads.feed(page.text)
    assert loads.inline == 0
    for url in loads.urls:
        assert (await demo.client.get(url)).status_code == 200
    for file in PAGES.iterdir():
        assert "http" not in file.read_text().replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["..%2Fmain.py", "%2e%2e", "main.py", "page.txt", "x", "%00"])
async def test_nothing_but_its_own_files_can_be_fetched(demo: Service, name: str) -> None:
    response = await demo.client.get(f"/assets/{name}")
    assert response.status_code == 404


async def test_the_page_gets_the_publishable_key_and_no_other(demo: Service) -> None:
    response = await demo.client.get("/demo/shop")
    assert response.json() == {
        "name": "films",
        "key": demo.keys[Scope.PUBLISHABLE],
        "empty_shop": False,
    }


async def test_titles_are_found_by_their_words_most_popular_first(demo: Service) -> None:
    films = {"i005": "Alien", "i002": "Aliens", "i009": "The Alien Nation", "i001": "Brazil"}
    items = [{"item_id": id_, "properties": {"title": film}} for id_, film in films.items()]
    await demo.send("PUT", "/v1/items", {"items": items})

    async def found(words: str) -> list[str]:
        response = await demo.client.get("/demo/titles", params={"q": words})
        return [one["properties"]["title"] for one in response.json()]

    assert await found("alien") == ["Aliens", "Alien", "The Alien Nation"]
    assert await found("NATION al") == ["The Alien Nation"]
    assert await found("brazil alien") == []
    await demo.send("PUT", "/v1/items/i001", {"properties": {"title": "Aliens in Brazil"}})
    assert await found("brazil alien") == ["Aliens in Brazil"]
    assert len(await found("")) == 6


async def test_documents_are_open_in_the_demo(demo: Service) -> None:
    assert (await demo.client.get("/docs")).status_code == 200


async def test_a_demo_without_its_keys_says_what_is_missing(
    service: Service, tmp_path: Path
) -> None:
    save_generated(tmp_path / "weights")
    async with serve(make_settings(tmp_path, demo=True)) as keyless:
        response = await keyless.client.get("/demo/shop")
    assert response.status_code == 404
    assert "dev-keys.json" in response.json()["detail"]


async def test_the_page_has_guests_explained_and_nobody_else(demo: Service) -> None:
    await demo.send("POST", "/v1/events", {"events": [LIKE]})
    asked = {"anonymous_id": "guest-e", "explain": True}
    answer = await demo.client.post("/demo/recommendations", json=asked)
    assert answer.json()["personalization"]["support"] == 1
    assert {
        reason["event_id"] for item in answer.json()["items"] for reason in item["reasons"]
    } == {"e-1"}
    other = await demo.client.post("/demo/recommendations", json={"user_id": "u1"})
    assert other.status_code == 403


async def test_the_page_may_suppose_events(demo: Service) -> None:
    supposed = {"events": [{"type": "like", "item_id": "i003"}], "k": 5}
    answer = await demo.client.post("/demo/preview", json=supposed)
    assert answer.json()["support"] == 1
    assert len(answer.json()["after"]) == 5


async def test_the_page_may_make_items_up_and_touch_no_other(demo: Service) -> None:
    for method in ("PUT", "DELETE"):
        refused = await demo.client.request(method, "/demo/items/i001", json={})
        assert refused.status_code == 422
    made = await demo.client.put("/demo/items/demo-1", json={"properties": {"title": "New"}})
    assert made.json()["item_id"] == "demo-1"
    asked = await demo.client.post("/demo/items/demo-1/audience", json={"k": 3})
    assert asked.json() == {"users": []}
    other = await demo.client.post("/demo/items/i001/audience", json={"k": 3})
    assert other.status_code == 422
    assert (await demo.client.delete("/demo/items/demo-1")).status_code == 200
