"""docs/api.md: its examples run as they stand, and no route is left out."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from app.api.assets import PAGES
from tests.app.api.contract import current
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ROUTES = re.compile(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^` ]*)`")
SHELL = 'curl() { command curl --fail-with-body --show-error "$@" && echo; }\n'


def examples(language: str, address: str) -> str:
    found = [text for name, text in BLOCK.findall(GUIDE.read_text()) if name == language]
    assert found
    return "\n".join(found).replace("http://127.0.0.1:8000", address)


def sections() -> dict[str, str]:
    """By heading."""
    parts = re.split(r"^### ", GUIDE.read_text(), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def environment(address: str, state: Path, keys: dict[str, str]) -> dict[str, str]:
    """A service with newer meta-weights than it serves, its database, and keys."""
    save_generated(state / "weights", seed=1)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "THAW_STATE": str(state),
        "THAW_DATABASE__URL": f"sqlite+aiosqlite:///{state}/thaw.db",
        "KEY": keys["server"],
        "ADMIN_KEY": keys["admin"],
    }


async def outcome(environment: dict[str, str], *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-2_000:]
    return said.decode()


async def test_the_shell_examples_run(address: str, environment: dict[str, str]) -> None:
    script = "set -euo pipefail\n" + SHELL + examples("sh", address)
    said = await outcome(environment, "bash", "-c", script)
    assert '"accepted":2' in said
    assert '"rejected":[{' not in said


async def test_the_python_examples_run(address: str, environment: dict[str, str]) -> None:
    said = await outcome(
        environment, sys.executable, "-W", "error", "-c", examples("python", address)
    )
    assert "404 there is no item" in said
    assert "purchase mug-7" in said


async def test_the_javascript_examples_run(
    browser: Browser, address: str, environment: dict[str, str], keys: dict[str, str]
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.route("**/thaw.js", lambda route: route.fulfill(path=PAGES / "thaw.js"))
    await page.goto(f"{address}/livez")
    given = {"KEY": keys["server"], "ADMIN_KEY": keys["admin"]}
    begin = f"const process = {{ env: {json.dumps(given)} }};"
    begin += f"const PUBLISHABLE_KEY = {json.dumps(keys['publishable'])};"
    end = "return [items.length, found.items.length, past.some(({ type }) => type === 'purchase')];"
    said = await page.evaluate(f"(async () => {{ {begin}\n{examples('js', address)}\n{end} }})()")
    assert said == [5, 3, True]
    await context.close()


async def test_every_route_has_examples_in_each_language() -> None:
    told = {route for heading in sections() for route in ROUTES.findall(heading)}
    there = {
        f"{method.upper()} {path}"
        for path, operations in current()["paths"].items()
        for method in operations
    }
    assert told == there
    for heading, text in sections().items():
        if ROUTES.findall(heading):
            assert {name for name, _ in BLOCK.findall(text)} >= {"sh", "python", "js"}, heading


async def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE.read_text()):
        path, _, anchor = target.partition("#")
        page = GUIDE.parent / path if path else GUIDE
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


def anchors(page: Path) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    }
