"""The pictures of README.md and docs/, taken while the pages are used.

`THAW_TEST_PICTURES=docs/images` keeps them there, of MovieLens-100K and of groceries, as `./run`
shows them (this takes minutes). Without it generated shops stand in, and the pictures are thrown
away.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser import shops
from tests.browser.axe import LOOKS, overflow
from tests.browser.conftest import watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

WANTED = os.environ.get("THAW_TEST_PICTURES")
DESK: dict[str, Any] = {"viewport": {"width": 1360, "height": 960}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
LIKED = ("Blade Runner", "Alien", "Brazil") if WANTED else ("Film 3 of", "Film 6 of", "Film 12 of")
SOMEBODY = "181" if WANTED else "somebody"
SLOW_MS = 60_000
COLOURS = 256
"""A palette makes the files a quarter as large, and has no room for the glow behind the page."""
CALM = """() => {
    document.activeElement?.blur();
    document.documentElement.style.scrollbarGutter = "auto";  // pictures show no scrollbar
    document.documentElement.style.backgroundImage = "none";
}"""


@pytest.fixture(scope="module")
def address(state: Path) -> Iterator[str]:
    with shops.demonstrated("films", state) if WANTED else shops.films(state) as url:
        yield url


@pytest.fixture(scope="module")
def groceries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("groceries")
    with shops.demonstrated("groceries", state) if WANTED else shops.groceries(state) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(WANTED) if WANTED else tmp_path


@asynccontextmanager
async def seen(browser: Browser, address: str, look: str, path: str = "/") -> AsyncIterator[Page]:
    """A page in one of the looks, of the size that the pictures have."""
    size = PHONE if "phone" in look else DESK
    async with watched(browser, address, path, refusals=True, **{**LOOKS[look], **size}) as page:
        page.set_default_timeout(SLOW_MS)
        yield page


async def settle(page: Page) -> None:
    await page.wait_for_selector("body[data-state=ready]")


async def keep(
    page: Page, folder: Path, name: str, look: str, *, top: Locator | None = None
) -> None:
    """Take the picture, with `top` at the top of it; nothing may hang over the edge."""
    await settle(page)
    assert await overflow(page) <= 0
    await page.evaluate(CALM)
    await page.mouse.move(0, 0)
    if top is None:
        await page.evaluate("scrollTo(0, 0)")
    else:
        await top.evaluate("(part) => part.scrollIntoView({ block: 'start' })")
    await page.locator("#status.past").or_(page.locator("#status:empty")).wait_for(state="attached")
    taken = Image.open(BytesIO(await page.screenshot(animations="disabled"))).convert("RGB")
    suffix = "" if look == "light" else f"-{look.replace(' ', '-')}"
    few = taken.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(folder / f"{name}{suffix}.png", optimize=True)


@pytest.mark.parametrize("look", LOOKS)
async def test_three_likes(browser: Browser, address: str, folder: Path, look: str) -> None:
    async with seen(browser, address, look) as page:
        for title in LIKED:
            await page.get_by_label("Search in titles").fill(title)
            row = page.locator("#found [data-item]").filter(has_text=title).first
            await row.locator("button.like").click()
            await page.locator("#told [data-item]").filter(has_text=title).wait_for()
            await settle(page)
        await page.get_by_label("Search in titles").fill("")
        await expect(page.locator("#fact-support")).to_have_text("3 films")
        await expect(page.locator("#found [data-item]")).to_have_count(0)
        top = page.locator("#you-title") if "phone" in look else None
        await keep(page, folder, "demo", look, top=top)


async def test_a_new_film(browser: Browser, address: str, folder: Path) -> None:
    async with seen(browser, address, "light", "/#item") as page:
        await page.locator("#kinds button").first.wait_for()
        await page.get_by_role("textbox", name="Title").fill("Ice Station")
        for kind in await page.locator("#kinds button[aria-pressed=true]").all_inner_texts():
            await page.get_by_role("button", name=kind, exact=True).click()
        await page.get_by_role("button", name="Sci-Fi", exact=True).click()
        await page.locator("#create").click()
        await page.locator("#places b").first.wait_for()
        await page.get_by_role("button", name="Three people like it").click()
        await expect(page.locator("#applause")).to_contain_text("3 people", timeout=SLOW_MS)
        await keep(page, folder, "demo-new-item", "light")
        await page.get_by_role("button", name="Start over").click()
        await expect(page.locator("#places b")).to_have_count(0)


async def test_an_empty_shop(browser: Browser, address: str, folder: Path) -> None:
    async with seen(browser, address, "light", "/#shop") as page:
        await page.locator("#stranger [data-item]").first.wait_for()
        for number in (10, 20, 30):
            await page.get_by_role("button", name="Ten visitors").click()
            await expect(page.locator("#visits-hint")).to_contain_text(
                f"Visitor {number} liked", timeout=SLOW_MS
            )
            await settle(page)
        await keep(page, folder, "demo-empty-shop", "light")


async def test_groceries(browser: Browser, groceries: str, folder: Path) -> None:
    async with seen(browser, groceries, "light") as page:
        await page.get_by_label("Price").select_option("3")
        await page.get_by_label("In stock only").check()
        await settle(page)
        for place in (0, 3, 5):
            row = page.locator("#you [data-item]").nth(place)
            liked = await row.get_attribute("data-item")
            await row.locator("button.like").click()
            await page.locator(f"#told [data-item='{liked}']").wait_for()
            await settle(page)
        await expect(page.locator("#fact-support")).to_have_text("3 products")
        await keep(page, folder, "demo-groceries", "light")


async def test_a_reload_in_the_console(
    browser: Browser, address: str, state: Path, folder: Path
) -> None:
    shops.learn_anew(state, real=bool(WANTED))
    keys = json.loads((state / "dev-keys.json").read_text())
    async with seen(browser, address, "light", "/console") as page:
        await page.get_by_role("textbox", name="Key").fill(keys["admin"])
        await page.keyboard.press("Enter")
        await page.get_by_label("Id", exact=True).fill(SOMEBODY)
        await page.get_by_role("button", name="Look up").click()
        await page.locator("#entity-mode").wait_for()
        await page.locator("#versions").get_by_role("button").first.click()
        await expect(page.locator("#outcome")).to_contain_text("1 of 1", timeout=SLOW_MS)
        await keep(page, folder, "console", "light")
        await keep(page, folder, "console-lookup", "light", top=page.locator("#impact-title"))
