"""The console: an admin key opens it, and what it does the service does."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from app.stores.activation import Activation
from app.stores.database import Database
from app.stores.reloads import Reloads, Stage
from tests.browser.conftest import watched
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def newer(address: str, state: Path) -> str:
    """Meta-weights that the service does not serve yet."""
    return save_generated(state / "weights", seed=1).manifest.version


@pytest.fixture
def damaged(address: str, state: Path) -> Iterator[str]:
    """A version whose file is not what was written."""
    version = save_generated(state / "weights", seed=2).manifest.version
    [tensors] = (state / "weights" / version).glob("*.safetensors")
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"?")
    yield version
    shutil.rmtree(state / "weights" / version)


@pytest_asyncio.fixture(loop_scope="module")
async def database(address: str, state: Path) -> AsyncIterator[Database]:
    """The database of the service."""
    opened = await Database.open(f"sqlite+aiosqlite:///{state}/thaw.db", "thaw")
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def console(
    browser: Browser, address: str, keys: dict[str, str], newer: str
) -> AsyncIterator[Page]:
    async with watched(browser, address, "/console", refusals=True) as page:
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


async def stages(console: Page) -> dict[str, str]:
    """What the console says of each stage."""
    boxes = await console.locator(".stages li").all()
    return {
        str(await box.get_attribute("data-stage")): str(await box.get_attribute("class"))
        for box in boxes
    }


async def test_every_stage_shows_while_it_happens(console: Page, database: Database) -> None:
    """The service's answer is held back while its database says how far it has come, and while
    another replica follows; then it goes on.
    """
    before = await active(console)
    assert before is not None
    other = await console.locator("#versions tr[data-version]").evaluate_all(
        "(rows, served) => rows.map((row) => row.dataset.version).find((one) => one !== served)",
        before,
    )
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    async def hold(route: Route) -> None:
        held.set_result(route)

    await console.route("**/v1/admin/weights/reload", hold)
    await console.get_by_role("button", name=f"Serve version {other}").click()
    route = await held
    reload_id = await route.request.header_value("X-Request-Id")
    assert reload_id is not None
    await expect(console.get_by_role("button", name="Reload newest")).to_be_disabled()
    replicas, reached = Activation(database), console.locator(".stages [aria-current=step]")
    await replicas.heartbeat("another", before, 0)
    order: list[Stage] = ["verifying", "comparing", "swapping", "agreeing"]
    for place, stage in enumerate(order):
        await Reloads(database).note(reload_id, stage, other)
        await expect(reached).to_have_attribute("data-stage", stage)
        told = dict.fromkeys(order[:place], "done") | {stage: "now"}
        assert await stages(console) == dict.fromkeys(order, "waiting") | told
    await expect(console.locator("[data-replica=another]")).to_contain_text(f"serves {before}")
    await expect(reached).to_contain_text("0 of 2 serve it")
    await replicas.heartbeat("another", other, 0)
    await expect(console.locator("[data-replica=another]")).to_contain_text("serves it")
    await expect(reached).to_contain_text("1 of 2 serve it")
    await route.continue_()
    await expect(console.locator("#outcome")).to_contain_text(f"Serving {other}")
    assert await stages(console) == dict.fromkeys(order, "done")
    await expect(console.locator(".replicas .done")).to_have_count(2)
    await replicas.leave("another")
    await settle(console)
    assert await active(console) == other


async def test_a_dry_run_has_no_stage_that_swaps(console: Page) -> None:
    await console.get_by_role("button", name="Dry run").click()
    await expect(console.locator("#outcome")).to_contain_text("nothing was swapped")
    assert await stages(console) == {"verifying": "done", "comparing": "done"}
    await expect(console.locator(".replicas li")).to_have_count(0)


async def test_a_refused_version_fails_where_it_is_refused(console: Page, damaged: str) -> None:
    before = await active(console)
    await console.reload()
    await console.get_by_role("button", name=f"Serve version {damaged}").click()
    await expect(console.locator("#outcome")).to_contain_text("That did not work")
    await settle(console)
    assert await stages(console) == {
        "verifying": "failed",
        **dict.fromkeys(("comparing", "swapping", "agreeing"), "waiting"),
    }
    assert await active(console) == before
    await expect(console.get_by_role("button", name="Reload newest")).to_be_enabled()


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
