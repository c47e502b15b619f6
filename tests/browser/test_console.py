"""The console: an admin key opens it, and what it does the service does."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import watched
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def newer(address: str, state: Path) -> str:
    """Meta-weights that the service does not serve yet."""
    return save_generated(state / "weights", seed=1).manifest.version


@pytest_asyncio.fixture(loop_scope="module")
async def console(
    browser: Browser, address: str, keys: dict[str, str], newer: str
) -> AsyncIterator[Page]:
    async with watched(browser, address, "/console") as page:
        await page.get_by_role("textbox", name="Key").fill(keys["admin"])
        await page.keyboard.press("Enter")
        await page.locator(f"#versions [data-version='{newer}']").wait_for()
        await settle(page)
        yield page


async def settle(page: Page) -> None:
    await page.wait_for_selector("body[data-state=ready]")


async def active(page: Page) -> str | None:
    row = page.locator("#versions tr", has=page.locator(".badge.active"))
    return await row.get_attribute("data-version")


async def test_without_an_admin_key_nothing_shows(
    browser: Browser, address: str, keys: dict[str, str]
) -> None:
    async with watched(browser, address, "/console", refusals=True) as page:
        await expect(page.get_by_role("textbox", name="Key")).to_be_focused()
        for key in ("nonsense", keys["server"]):
            await page.get_by_role("textbox", name="Key").fill(key)
            await page.get_by_role("button", name="Enter").click()
            await expect(page.locator("#status")).to_contain_text("That did not work")
            await expect(page.locator("#inside")).to_be_hidden()
        assert await page.evaluate("sessionStorage.length") == 0


async def test_the_key_stays_in_the_tab_until_one_leaves(console: Page, address: str) -> None:
    await console.reload()
    await expect(console.locator("#inside")).to_be_visible()
    assert await console.evaluate("localStorage.length") == 0
    await console.get_by_role("button", name="Leave").click()
    await expect(console.get_by_role("textbox", name="Key")).to_be_visible()
    assert await console.evaluate("sessionStorage.length") == 0


async def test_each_part_tells_its_health(console: Page) -> None:
    await expect(console.locator("#health .good")).to_have_count(3)


async def test_a_dry_run_swaps_nothing_a_reload_does_and_a_rollback_undoes_it(
    console: Page, newer: str
) -> None:
    before = await active(console)
    assert before not in {None, newer}
    await console.get_by_role("button", name="Dry run").click()
    await expect(console.locator("#outcome")).to_contain_text(f"{newer} can be served")
    await expect(console.locator("#outcome")).to_contain_text("checksum")
    await settle(console)
    assert await active(console) == before
    await console.get_by_role("button", name="Reload newest").click()
    await expect(console.locator("#outcome")).to_contain_text(f"Serving {newer}")
    await expect(console.locator("#outcome")).to_contain_text("1 of 1")
    await settle(console)
    assert await active(console) == newer
    await console.get_by_role("button", name="Roll back").click()
    await expect(console.locator("#outcome")).to_contain_text(f"Serving {before}")
    await settle(console)
    assert await active(console) == before
    await console.get_by_role("button", name=f"Serve version {newer}").click()
    await expect(console.locator("#outcome")).to_contain_text(f"Serving {newer}")


async def test_a_person_is_looked_up_with_what_their_list_is_due_to(
    console: Page, address: str, keys: dict[str, str]
) -> None:
    event = {"event_id": "c-1", "type": "like", "user_id": "carla/1", "item_id": "i003"}
    async with httpx.AsyncClient(base_url=address) as client:
        server = {"Authorization": f"Bearer {keys['server']}"}
        told = await client.post("/v1/events", json={"events": [event]}, headers=server)
        assert told.json()["accepted"] == 1
    await console.get_by_label("Id", exact=True).fill("carla/1")
    await console.get_by_role("button", name="Look up").click()
    await expect(console.locator("#entity-support")).to_have_text("1")
    await expect(console.locator("#entity-mode")).to_have_text("adapted")
    await expect(console.locator("#entity-distance")).to_have_text(re.compile(r"^[1-9]\d* %$"))
    await expect(console.locator("#found")).to_contain_text("Film 3 of many (+")


async def test_an_item_is_looked_up(console: Page) -> None:
    await console.get_by_role("combobox", name="Kind").select_option("item")
    await console.get_by_label("Id", exact=True).fill("i004")
    await console.get_by_role("button", name="Look up").click()
    await expect(console.locator("#entity-row")).to_have_text("trained")
    await expect(console.locator("#found")).to_contain_text("Film 4 of many")
