"""The accessibility checker axe, and the looks of a page that it is asked about."""

from importlib.resources import files
from typing import Any

from playwright.async_api import Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", **PHONE},
    "dark phone": {"color_scheme": "dark", **PHONE},
}
"""Options of a browser's context, by name."""


async def complaints(page: Page) -> list[tuple[str, Any]]:
    """What axe finds, once nothing fades or moves any more."""
    await page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished))")
    await page.evaluate(AXE)
    found = await page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]]


async def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider
