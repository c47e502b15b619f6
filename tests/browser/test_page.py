import re

import pytest
from playwright.async_api import Page, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def items(page: Page, listed: str) -> list[str]:
    rows = page.locator(f"#{listed} li[data-item]")
    return [str(await row.get_attribute("data-item")) for row in await rows.all()]


async def settle(page: Page) -> None:
    await page.wait_for_selector("body[data-state=ready]")


async def vote(page: Page, listed: str, place: int, kind: str) -> str:
    """Click in row `place` and return its item, once the page shows what came of it."""
    item = (await items(page, listed))[place]
    await page.locator(f"#{listed} li[data-item='{item}'] button.{kind}").click()
    await page.locator(f"#told li[data-item='{item}']").wait_for()
    await settle(page)
    return item


async def test_a_new_visitor_gets_what_everyone_gets(page: Page) -> None:
    assert await items(page, "you") == await items(page, "everyone")
    assert len(await items(page, "you")) == 10
    await expect(page.locator("#fact-mode")).to_contain_text("prior")
    await expect(page.locator("#fact-support")).to_have_text("0 films")
    await expect(page.locator("#fact-steps")).to_have_text("0")
    await expect(page.locator("#fact-version")).to_have_text(re.compile("^[0-9a-f]{12}$"))
    await expect(page.locator("#fact-duration")).to_contain_text("ms")


async def test_one_click_changes_the_list(page: Page) -> None:
    before = await items(page, "everyone")
    liked = await vote(page, "you", 0, "like")
    after = await items(page, "you")
    assert liked not in after
    assert [one for one in before if one != liked] != after[:-1]
    assert await items(page, "everyone") == before
    await expect(page.locator("#fact-mode")).to_have_text("adapted to you")
    await expect(page.locator("#fact-support")).to_have_text("1 film")
    await expect(page.locator("#fact-steps")).to_have_text("2")
    await expect(page.locator("#fact-screen")).to_have_text(re.compile(r"^\d+ ms$"))
    await expect(page.locator(f"#told li[data-item='{liked}']")).to_contain_text("liked")
    pressed = page.locator(f"#everyone li[data-item='{liked}'] button.like")
    await expect(pressed).to_have_attribute("aria-pressed", "true")


async def test_rows_say_because_of_what_they_are_there(page: Page) -> None:
    await expect(page.locator("#you .reason").first).to_have_text("many people like it")
    await vote(page, "you", 0, "like")
    told = await page.locator("#told .title").inner_text()
    reasons = await page.locator("#you .reason").all_inner_texts()
    assert f"because of {told}" in reasons


async def test_the_curve_has_a_point_for_every_click(page: Page) -> None:
    await expect(page.get_by_role("img", name="Each click adds a point")).to_be_visible()
    for clicks in (1, 2):
        await vote(page, "you", clicks, "like")
        named = re.compile(
            rf"After {clicks} click{'s' if clicks > 1 else ''} your list is \d+ % away"
        )
        await expect(page.get_by_role("img", name=named)).to_be_visible()


async def test_a_dislike_counts_too(page: Page) -> None:
    await vote(page, "you", 1, "like")
    liked_only = await items(page, "you")
    disliked = await vote(page, "you", 0, "dislike")
    assert disliked not in await items(page, "you")
    assert (await items(page, "you"))[:-1] != liked_only[1:]
    await expect(page.locator("#fact-support")).to_have_text("2 films")


async def test_an_event_can_be_supposed_away(page: Page) -> None:
    first = await vote(page, "you", 0, "like")
    with_one = await items(page, "you")
    second = await vote(page, "you", 4, "like")
    with_both = await items(page, "you")
    what_if = page.locator(f"#told li[data-item='{second}']").get_by_role("button")
    await what_if.click()
    await settle(page)
    supposed = await items(page, "you")
    assert supposed != with_both
    assert [one for one in with_one if one != second] == supposed[:9]
    await expect(page.locator("#you-hint")).to_contain_text("What you would get without Film")
    await page.get_by_role("button", name="Back to now").click()
    await settle(page)
    assert await items(page, "you") == with_both
    assert await items(page, "told") == [second, first]


async def test_a_film_can_be_searched_for_and_liked(page: Page) -> None:
    await page.get_by_label("Search in titles").fill("film 42")
    await expect(page.locator("#found li[data-item]")).to_have_count(1)
    assert await vote(page, "found", 0, "like") == "i042"
    await expect(page.locator("#fact-mode")).to_have_text("adapted to you")
    await page.get_by_label("Search in titles").fill("no such film")
    await expect(page.locator("#found .nothing")).to_have_text(
        "No film has these words in its title."
    )


async def test_the_page_remembers_its_visitor_until_they_start_over(page: Page) -> None:
    await vote(page, "you", 2, "like")
    adapted = await items(page, "you")
    await page.reload()
    await page.wait_for_selector("#you li[data-item]")
    await settle(page)
    assert await items(page, "you") == adapted
    await expect(page.locator("#told li[data-item]")).to_have_count(1)
    await page.get_by_role("button", name="Start over").click()
    await expect(page.locator("#fact-mode")).to_contain_text("prior")
    assert await items(page, "you") == await items(page, "everyone")
    await expect(page.locator("#told li[data-item]")).to_have_count(0)


async def test_the_keyboard_is_enough(page: Page) -> None:
    first = (await items(page, "you"))[0]
    await page.locator("#you li").first.locator("button.like").focus()
    await page.keyboard.press("Enter")
    await page.locator(f"#told li[data-item='{first}']").wait_for()
    await settle(page)
    focused = page.locator("#you li").first.locator("button.like")
    await expect(focused).to_be_focused()
    second = (await items(page, "you"))[0]
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.locator(f"#told li[data-item='{second}']").wait_for()
    await expect(page.locator(f"#told li[data-item='{second}']")).to_contain_text("not interested")


async def test_titles_are_text_and_never_markup(page: Page) -> None:
    await page.get_by_label("Search in titles").fill("<b>")
    await expect(page.locator("#found li")).to_contain_text('<b>Bold</b> & "quoted"')
    assert await page.locator("#found b").count() == 0
