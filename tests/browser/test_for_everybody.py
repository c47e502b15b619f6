"""Both pages for everybody: axe finds nothing, dark and light, a phone, no motion."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.axe import LOOKS, PHONE, complaints, overflow
from tests.browser.conftest import watched

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMES = ("light", "dark")


async def settle(page: Page) -> None:
    await page.wait_for_selector("body[data-state=ready]")


@asynccontextmanager
async def used(browser: Browser, address: str, **options: Any) -> AsyncIterator[Page]:
    """The first scene after two clicks and a search."""
    async with watched(browser, address, **options) as page:
        for kind in ("like", "dislike"):
            await page.locator(f"#you button.{kind}").nth(1).click()
            await settle(page)
        await page.get_by_label("Search in titles").fill("film 2")
        await page.locator("#found [data-item]").first.wait_for()
        await settle(page)
        yield page


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_the_first_scene(
    browser: Browser, address: str, look: str
) -> None:
    async with used(browser, address, **LOOKS[look]) as page:
        assert await complaints(page) == []


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_the_second_scene(
    browser: Browser, address: str, look: str
) -> None:
    async with watched(browser, address, "/#item", **LOOKS[look]) as page:
        assert await complaints(page) == []
        await page.locator("#create").click()
        await page.locator("#places b").first.wait_for()
        await settle(page)
        assert await complaints(page) == []


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_the_console(
    browser: Browser, address: str, keys: dict[str, str], look: str
) -> None:
    async with watched(browser, address, "/console", refusals=True, **LOOKS[look]) as page:
        assert await complaints(page) == []
        await page.locator("#key").fill(keys["admin"])
        await page.keyboard.press("Enter")
        await page.locator("#versions tbody tr").first.wait_for()
        await page.locator("#entity").fill("somebody")
        await page.keyboard.press("Enter")
        await page.locator("#entity-mode").wait_for()
        await page.locator("#reload").click()
        await page.locator(".stages .done").first.wait_for()
        await settle(page)
        assert await complaints(page) == []


@pytest.mark.parametrize("path", ["/", "/#item", "/console"])
async def test_a_phone_is_wide_enough(browser: Browser, address: str, path: str) -> None:
    async with watched(browser, address, path, **PHONE) as page:
        assert await overflow(page) <= 0


async def test_dark_is_dark(browser: Browser, address: str) -> None:
    shades = {}
    for scheme in SCHEMES:
        async with watched(browser, address, color_scheme=scheme) as page:
            told = "getComputedStyle(document.documentElement).backgroundColor"
            colour = await page.evaluate(told)
            shades[scheme] = sum(int(part) for part in re.findall(r"\d+", colour)[:3])
    assert shades["dark"] < 150
    assert shades["light"] > 600


async def test_nothing_moves_for_those_who_ask_for_calm(browser: Browser, address: str) -> None:
    async with watched(browser, address, reduced_motion="reduce") as page:
        await page.evaluate(
            "() => { Element.prototype.animate = () => { throw new Error('something moves'); }; }"
        )
        await page.locator("#you button.like").first.click()
        await page.locator("#told [data-item]").wait_for()
        await settle(page)


async def test_rows_glide_to_their_new_places(browser: Browser, address: str) -> None:
    async with watched(browser, address) as page:
        await page.evaluate(
            """() => {
                window.glided = 0;
                const animate = Element.prototype.animate;
                Element.prototype.animate = function (...told) {
                  window.glided += 1;
                  return animate.apply(this, told);
                };
            }"""
        )
        await page.locator("#you button.like").first.click()
        await page.locator("#told [data-item]").wait_for()
        await settle(page)
        assert await page.evaluate("window.glided") > 1
