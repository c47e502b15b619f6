"""A real server in its own process and a real Chromium that may talk to nobody else."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from app.domain import Item, Scope
from app.stores.api_keys import ApiKeys
from app.stores.catalogue import Catalogue
from app.stores.database import Database
from app.stores.schema import upgrade
from tests.generated import generated_ids, save_generated

START_SECONDS = 60
GENRES = ("War", "Sci-Fi", "Romance")
NO_CHROMIUM = (
    "no Chromium was found; install one, on Debian or Ubuntu with `sudo apt install chromium`"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.fail(NO_CHROMIUM)


def _film(number: int) -> dict[str, Any]:
    return {"genres": [GENRES[number % 3], "Drama"]}


def _offer(number: int) -> dict[str, Any]:
    return {"price": number % 7 + 0.5, "in_stock": number % 2 == 0, "category": "Bread"}


async def prepare(state: Path, database_url: str, *, priced: bool = False) -> None:
    """Weights, a catalogue with titles and keys, as `./run` would leave them."""
    save_generated(state / "weights")
    await upgrade(database_url, "thaw")
    database = await Database.open(database_url, "thaw")
    titles = {item_id: f"Film {n} of many" for n, item_id in enumerate(generated_ids())}
    titles["i059"] = '<b>Bold</b> & "quoted"'
    await Catalogue(database).put_items(
        [
            Item(item_id, {"title": title, **(_offer(n) if priced else _film(n))})
            for n, (item_id, title) in enumerate(titles.items())
        ]
    )
    keys = ApiKeys(database)
    made = {scope.value: (await keys.create(scope, "demo")).text for scope in Scope}
    (state / "dev-keys.json").write_text(json.dumps(made))
    await database.close()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def keys(address: str, state: Path) -> dict[str, str]:
    """By scope."""
    made: dict[str, str] = json.loads((state / "dev-keys.json").read_text())
    return made


@pytest.fixture(scope="module")
def address(state: Path) -> Iterator[str]:
    database_url = f"sqlite+aiosqlite:///{state}/thaw.db"
    asyncio.run(prepare(state, database_url))
    with served(state, database_url) as url:
        yield url


@contextmanager
def served(state: Path, database_url: str, **environment: str) -> Iterator[str]:
    """The demo of `state` in a process of its own; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app"),
                *("--fd", str(listening.fileno())),
            ],
            pass_fds=[listening.fileno()],
            env={
                **os.environ,
                **environment,
                "THAW_STATE": str(state),
                "THAW_DEMO": "true",
                "THAW_DATABASE__URL": database_url,
                "THAW_WEIGHTS__DIRECTORY": str(state / "weights"),
                "THAW_SERVER__ALLOW_ORIGINS": json.dumps([f"http://localhost:{port}"]),
            },
        )
        try:
            wait_until_ready(server, url)
            yield url
        finally:
            server.terminate()
            server.wait(START_SECONDS)


def wait_until_ready(
    server: "subprocess.Popen[bytes]", url: str, seconds: float = START_SECONDS
) -> None:
    give_up = monotonic() + seconds
    while monotonic() < give_up:
        assert server.poll() is None, "the server ended"
        try:
            if httpx.get(f"{url}/readyz", timeout=START_SECONDS).is_success:
                return
        except httpx.TransportError:
            continue
    pytest.fail(f"the server was not ready within {seconds} s")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        await launched.close()


@asynccontextmanager
async def watched(
    browser: Browser, address: str, path: str = "/", *, refusals: bool = False, **options: Any
) -> AsyncIterator[Page]:
    """A page of ours, in a new browser. Any error in it, and any outside address, fails the test.

    Args:
        browser: where to open it.
        address: of the service.
        path: of the page.
        refusals: whether the service may refuse what the page asks for.
        options: of the browser's context, such as `color_scheme`.
    """
    context = await browser.new_context(**options)
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "console",
        lambda line: (
            troubles.append(line.text)
            if line.type in {"error", "warning"} and not (refusals and "status of" in line.text)
            else None
        ),
    )
    opened.on(
        "request",
        lambda sent: None if sent.url.startswith(address) else troubles.append(sent.url),
    )
    await opened.goto(f"{address}{path}")
    await opened.wait_for_selector("body[data-state=ready]")
    yield opened
    await context.close()
    assert troubles == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, address: str) -> AsyncIterator[Page]:
    """The demo, for a new visitor."""
    async with watched(browser, address) as opened:
        await opened.wait_for_selector("#you li[data-item]")
        yield opened
