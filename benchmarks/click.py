"""How soon the demo can be used, and how long a click takes to show, in a real browser.

    ./run bench click --url http://127.0.0.1:8000 [--clicks 40] [--loads 10]

A started demo (`./run`) is opened by visitors with nothing in their cache: milliseconds from the
start of the navigation until a film can be liked. Then a new visitor likes one row after the other
and starts over after every tenth; what the page itself measures is read: from the click to the list
that knows of it, both requests included. The bars are those of the design: medians of a second and
of a tenth.
"""

import argparse
import asyncio
import json
import shutil
import statistics
from collections.abc import Sequence
from typing import Any

from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.machine import RESULTS, machine

ROUND = 10
WARM_UP = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CLICK_MS, INTERACTIVE_MS = 100.0, 1_000.0
WATCH_READY = """window.interactive = new Promise((done) => {
  const look = () =>
    document.body?.dataset.state === "ready" && document.querySelector("#you button.like")
      ? done(performance.now())
      : requestAnimationFrame(look);
  look();
});"""
READ = "parseFloat(document.getElementById('fact-screen').textContent)"


async def click(page: Page) -> float:
    """Like the third row; milliseconds until the new list was on screen."""
    row = page.locator("#you [data-item]").nth(2)
    item = await row.get_attribute("data-item")
    await row.locator("button.like").click()
    await page.locator(f"#told [data-item='{item}']").wait_for()
    await page.wait_for_selector("body[data-state=ready]")
    return float(await page.evaluate(READ))


async def load(browser: Browser, url: str) -> float:
    """Milliseconds until a visitor who has never been here can like a film."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(WATCH_READY)
    await page.goto(url)
    took = float(await page.evaluate("window.interactive"))
    await context.close()
    return took


async def measure(url: str, clicks: int, loads: int) -> tuple[list[float], list[float]]:
    """Milliseconds of `clicks` clicks and of `loads` first pages."""
    found = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )
        loaded = [await load(browser, url) for _ in range(1 + loads)]
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_selector("#you [data-item]")
        for number in range(WARM_UP + clicks):
            if number % ROUND == 0:
                await page.locator("#reset").click()
                await page.wait_for_selector("body[data-state=ready]")
            found.append(await click(page))
        await browser.close()
    return found[WARM_UP:], loaded[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--loads", type=int, default=10)
    asked = parser.parse_args()
    clicks, loads = asyncio.run(measure(asked.url, asked.clicks, asked.loads))
    rows = [
        row("click to the new list, median", clicks, CLICK_MS),
        row("first page until a film can be liked, median", loads, INTERACTIVE_MS),
    ]
    table = Table(title="The demo in a real browser")
    for name in ("what", "ms", "95%", "bar", "ratio"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for one in rows:
        numbers = (one["ours"], one["p95"], one["rival"])
        table.add_row(one["what"], *(f"{ms:.0f}" for ms in numbers), f"{one['ratio']:.2f}")
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    told = {"machine": machine(), "rows": rows}
    (RESULTS / "click.json").write_text(json.dumps(told, indent=1) + "\n")


def row(what: str, took: Sequence[float], most: float) -> dict[str, Any]:
    """The median (ms) beside the most it may be; `ratio` is held to 1."""
    median, high = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    return {
        "what": what,
        "ours": median,
        "p95": high,
        "rival": most,
        "ratio": median / most,
        "bar": 1.0,
        "better": "lower",
        "unit": "ms",
    }


if __name__ == "__main__":
    main()
