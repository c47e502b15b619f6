"""Scene 3 of the demo: a second service that begins without any interaction, and learns."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from app.cli.empty_shop import prepare_empty_shop
from app.settings import Settings
from models.data import read
from tests.browser.axe import LOOKS, complaints, overflow
from tests.browser.conftest import watched
from tests.browser.shops import films

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST_VISITORS = 40
"""By then everyone's list must have moved: live events are counted about once a second."""


@pytest.fixture(scope="module")
def address(state: Path) -> Iterator[str]:
    with films(state) as url:
        yield url


async def strangers(page: Page) -> list[str | None]:
    rows = await page.locator("#stranger [data-item]").all()
    return [await row.get_attribute("data-item") for row in rows]


async def let_in(page: Page, button: str, visitor: int) -> None:
    await page.get_by_role("button", name=button).click()
    await expect(page.locator("#visits-hint")).to_contain_text(
        f"Visitor {visitor} liked", timeout=30_000
    )
    await page.wait_for_selector("body[data-state=ready]")


async def test_it_learns_from_visitors_and_forgets_them_all(browser: Browser, address: str) -> None:
    async with watched(browser, address) as page:
        await page.get_by_role("link", name="An empty shop").click()
        await page.wait_for_selector("#stranger [data-item]")
        await page.wait_for_selector("body[data-state=ready]")
        stranger = await strangers(page)
        await let_in(page, "Next visitor", 1)
        await expect(page.locator("#after [data-item]")).to_have_count(10)
        await let_in(page, "Ten visitors", 11)
        hits = await page.locator("#after [data-hit]").count()
        await expect(page.locator("#visits-hint")).to_contain_text(f"{hits} are films")
        await expect(page.locator("#learning").get_by_role("img")).to_have_attribute(
            "aria-label", await page.locator("#learning .hint").inner_text()
        )
        visitors = 11
        while await strangers(page) == stranger and visitors < MOST_VISITORS:
            visitors += 1
            await let_in(page, "Next visitor", visitors)
        assert await strangers(page) != stranger
        await page.get_by_role("button", name="Start over").click()
        await expect(page.locator("#status")).to_have_text("The shop is empty again.")
        assert await strangers(page) == stranger
        await page.get_by_role("link", name="A new visitor").click()
        await expect(page.locator("#you [data-item]")).to_have_count(10)


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_in_it_empty_or_after_a_visitor(
    browser: Browser, address: str, look: str
) -> None:
    async with watched(browser, address, "/#shop", **LOOKS[look]) as page:
        await page.wait_for_selector("#stranger [data-item]")
        assert await complaints(page) == []
        await let_in(page, "Next visitor", 1)
        assert await complaints(page) == []
        assert await overflow(page) <= 0


async def test_the_two_shops_know_nothing_of_each_other(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        keys = [(await client.get(f"{at}/demo/shop")).json()["key"] for at in ("", "/empty")]
        for at, key, status in (
            ("", keys[1], 401),
            ("/empty", keys[0], 401),
            ("/empty", keys[1], 200),
        ):
            asked = await client.post(
                f"{at}/v1/recommendations", json={}, headers={"X-API-Key": key}
            )
            assert asked.status_code == status
        assert (await client.get("/empty/reset")).status_code == 404
        assert (await client.get("/emptying")).status_code == 404


async def test_it_is_made_once(state: Path, address: str) -> None:
    assert (state / "empty" / "pristine.db").exists()
    before = (state / "empty" / "pristine.db").stat().st_mtime_ns
    folder = state / "data"
    prepare_empty_shop(read(folder), folder, Settings(state=state))
    assert (state / "empty" / "pristine.db").stat().st_mtime_ns == before
