"""Scene 2 of the demo: an item that nobody has met."""

import re

import httpx
import pytest
from playwright.async_api import Page, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def open_scene(page: Page) -> None:
    await page.get_by_role("link", name="A new film").click()
    await page.wait_for_selector("#kinds button")
    await page.wait_for_selector("body[data-state=ready]")


async def create(page: Page, title: str, kinds: set[str]) -> None:
    await page.get_by_role("textbox", name="Title").fill(title)
    for chip in await page.locator("#kinds button").all():
        if (await chip.inner_text() in kinds) != (
            await chip.get_attribute("aria-pressed") == "true"
        ):
            await chip.click()
    await page.get_by_role("button", name="Put it into the catalogue").click()
    await page.locator("#places b").first.wait_for()
    await page.wait_for_selector("body[data-state=ready]")


async def test_a_new_film_is_placed_finds_its_audience_and_rises(
    page: Page, address: str, keys: dict[str, str]
) -> None:
    """Every number on the page is the service's own."""
    events = [
        {"event_id": f"{user}-{n}", "type": "like", "user_id": user, "item_id": f"i{n:03d}"}
        for user in ("ann", "bob")
        for n in (1, 4, 7)
    ]
    server = {"Authorization": f"Bearer {keys['server']}"}
    async with httpx.AsyncClient(base_url=address, headers=server) as client:
        await client.put("/v1/users/ann", json={"properties": {"occupation": "writer", "age": 30}})
        assert (await client.post("/v1/events", json={"events": events})).json()["accepted"] == 6
    await open_scene(page)
    cover = await page.locator("#poster").inner_html()
    await create(page, "Ice Station", {"Sci-Fi"})
    assert await page.locator("#poster").inner_html() != cover
    await expect(page.locator("#audience li")).to_have_count(2)
    await expect(page.locator("#audience")).to_contain_text("Person ann · writer, 30")
    first = page.locator("#places b").first
    before = int((await first.inner_text()).removeprefix("#"))
    await page.get_by_role("button", name="Three people like it").click()
    await expect(page.locator("#applause")).to_contain_text(
        "3 people like Ice Station", timeout=20_000
    )
    after = int((await first.inner_text()).removeprefix("#"))
    assert after < before
    await expect(page.locator("#places")).to_contain_text(f"was #{before}")
    mine = page.locator("#shelf [data-mine]")
    await expect(mine).to_contain_text("Ice Station")
    assert await page.locator("#shelf li").evaluate_all(
        "rows => rows.every(row => row.querySelector('.about').textContent.includes('Sci-Fi'))"
    )


async def test_starting_over_takes_the_film_out_of_the_catalogue(
    page: Page, address: str, keys: dict[str, str]
) -> None:
    await open_scene(page)
    await create(page, "Gone Again", {"War"})
    await page.get_by_role("button", name="Start over").click()
    await expect(page.locator("#places b")).to_have_count(0)
    await expect(page.get_by_role("button", name="Three people like it")).to_be_disabled()
    async with httpx.AsyncClient(base_url=address) as client:
        found = await client.get("/demo/titles", params={"q": "gone again"})
    assert found.json() == []


async def test_changing_it_replaces_it(page: Page, address: str) -> None:
    await open_scene(page)
    await create(page, "First Draft", {"War"})
    await page.get_by_role("textbox", name="Title").fill("Second Draft")
    await page.get_by_role("button", name="Change it").click()
    await expect(page.locator("#status")).to_have_text(re.compile("^Second Draft is in"))
    async with httpx.AsyncClient(base_url=address) as client:
        found = await client.get("/demo/titles", params={"q": "draft"})
    assert [one["properties"]["title"] for one in found.json()] == ["Second Draft"]
