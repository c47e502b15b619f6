"""How long a click on the demo takes to show, measured in a real browser.

    ./run bench click --url http://127.0.0.1:8000 [--clicks 40]

A started demo (`./run`) is opened as a new visitor who likes one row after the other; what the
page itself measures is read: from the click to the list that knows of it, both requests included.
The visitor starts over after every tenth click. Prints the median and the 95th percentile.
"""

import argparse
import asyncio
import json
import shutil
import statistics
from collections.abc import Sequence

from playwright.async_api import Page, async_playwright

from benchmarks.machine import RESULTS, machine

ROUND = 10
WARM_UP = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READ = "parseFloat(document.getElementById('fact-screen').textContent)"


async def click(page: Page) -> float:
    """Like the third row; milliseconds until the new list was on screen."""
    row = page.locator("#you [data-item]").nth(2)
    item = await row.get_attribute("data-item")
    await row.locator("button.like").click()
    await page.locator(f"#told [data-item='{item}']").wait_for()
    await page.wait_for_selector("body[data-state=ready]")
    return float(await page.evaluate(READ))


async def measure(url: str, clicks: int) -> Sequence[float]:
    found = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=FLAGS
        )
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_selector("#you [data-item]")
        for number in range(WARM_UP + clicks):
            if number % ROUND == 0:
                await page.locator("#reset").click()
                await page.wait_for_selector("body[data-state=ready]")
            found.append(await click(page))
        await browser.close()
    return found[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--clicks", type=int, default=40)
    asked = parser.parse_args()
    found = asyncio.run(measure(asked.url, asked.clicks))
    median, high = statistics.median(found), statistics.quantiles(found, n=20)[-1]
    print(f"click to list, {len(found)} clicks: median {median:.0f} ms, 95% {high:.0f} ms")
    RESULTS.mkdir(exist_ok=True)
    told = {"machine": machine(), "clicks": len(found), "median_ms": median, "p95_ms": high}
    (RESULTS / "click.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
