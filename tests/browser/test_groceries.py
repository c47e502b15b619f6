"""The demo of a shop with prices: a price and stock filter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.shops import groceries

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def address(state: Path) -> Iterator[str]:
    with groceries(state) as url:
        yield url


async def prices(page: Page, listed: str) -> list[float]:
    told = await page.locator(f"#{listed} [data-item] .about").all_inner_texts()
    return [float(one.split(" ")[0].removeprefix("$")) for one in told]


async def items(page: Page) -> list[str | None]:
    rows = await page.locator("#you [data-item]").all()
    return [await row.get_attribute("data-item") for row in rows]


async def test_price_and_stock_narrow_both_lists(page: Page) -> None:
    await expect(page.get_by_role("link", name="A new product")).to_be_hidden()
    assert max(await prices(page, "you")) > 3
    await page.get_by_label("Price").select_option("3")
    await page.wait_for_selector("body[data-state=ready]")
    for listed in ("you", "everyone"):
        assert max(await prices(page, listed)) <= 3
        await expect(page.locator(f"#{listed} [data-item]")).to_have_count(10)
    before = await items(page)
    await page.get_by_label("In stock only").check()
    await page.wait_for_selector("body[data-state=ready]")
    after = await items(page)
    assert {int(str(one)[1:]) % 2 for one in before} == {0, 1}
    assert {int(str(one)[1:]) % 2 for one in after} == {0}


async def test_what_if_keeps_to_the_filter(page: Page) -> None:
    await page.get_by_label("Price").select_option("3")
    await page.wait_for_selector("body[data-state=ready]")
    await page.locator("#you button.like").first.click()
    await page.locator("#told [data-item]").wait_for()
    await page.wait_for_selector("body[data-state=ready]")
    await page.locator("#told").get_by_role("button").click()
    await expect(page.locator("#you-hint")).to_contain_text("without")
    await expect(page.locator("#you [data-item]")).to_have_count(10)
    assert max(await prices(page, "you")) <= 3
