"""The first page comes at once: few bytes, nothing found out late, nothing that jumps."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Response

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = Path(__file__).parents[2] / "app" / "pages"
MOST_BYTES = 150_000
MOST_SHIFT = 0.02

WATCH_SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.shift += entry.value;
    window.moved = entry.sources.map((one) => one.node?.id || one.node?.className);
  }
}).observe({ type: "layout-shift", buffered: true });"""


async def test_it_is_small(browser: Browser, address: str) -> None:
    """With the answers of the service, and before compression."""
    came: list[Response] = []
    context = await browser.new_context()
    page = await context.new_page()
    page.on("response", lambda one: came.append(one))  # noqa: PLW0108 - it takes no built-in
    await page.goto(address)
    await page.wait_for_selector("body[data-state=ready]")
    sizes = {one.url: len(await one.body()) for one in came}
    await context.close()
    assert f"{address}/v1/recommendations" in sizes
    assert sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize(("file", "path"), [("index.html", "/"), ("console.html", "/console")])
async def test_whatever_it_needs_is_named_at_its_head(
    browser: Browser, address: str, file: str, path: str
) -> None:
    """A module that only another module names would cost a round trip more."""
    named = set(re.findall(r'"(/assets/[^"]+)"', (PAGES / file).read_text()))
    context = await browser.new_context()
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url.removeprefix(address)))
    await page.goto(f"{address}{path}")
    await page.wait_for_selector("body[data-state=ready]")
    await context.close()
    assets = {url for url in asked if url.startswith("/assets/")}
    assert assets <= named
    assert len(assets) > 1


@pytest.mark.parametrize("width", [360, 800, 1280])
@pytest.mark.parametrize(
    ("path", "last"), [("/", "#you [data-item]"), ("/#item", "#kinds button"), ("/console", "#key")]
)
async def test_nothing_jumps_while_it_comes(
    browser: Browser, address: str, path: str, last: str, width: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.add_init_script(WATCH_SHIFTS)
    await page.goto(f"{address}{path}")
    await page.wait_for_selector("body[data-state=ready]")
    await page.locator(last).first.wait_for()
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert await page.evaluate("window.shift") < MOST_SHIFT, await page.evaluate("window.moved")
    await context.close()
