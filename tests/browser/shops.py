"""What the browser tests look at: a generated shop of films or of groceries, or a real one."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from app.cli.data import Known, fetch_data
from app.cli.empty_shop import prepare_empty_shop
from app.settings import Settings
from models.data import read
from tests.app.cli.conftest import generated_shop
from tests.browser.conftest import prepare, served, wait_until_ready
from tests.generated import save_generated
from tests.integration.served import THAW, free_port

PREPARED_SECONDS = 1800
"""For downloads, training and imports."""


def database_url(state: Path) -> str:
    return f"sqlite+aiosqlite:///{state}/thaw.db"


@contextmanager
def films(state: Path) -> Iterator[str]:
    """The demo, with an empty shop beside it; gives its address."""
    asyncio.run(prepare(state, database_url(state)))
    folder = generated_shop(state / "data")
    liked_much(folder)
    prepare_empty_shop(read(folder), folder, Settings(state=state))
    with served(state, database_url(state)) as url:
        yield url


def liked_much(folder: Path) -> None:
    """Twenty people of two tastes, each of whom liked fifteen items."""
    rows = [(f"u{n}", f"i{item}") for n in range(20) for item in range(n % 2, 30, 2)]
    table = pl.DataFrame(rows, ["user_id", "item_id"], orient="row")
    table.write_csv(folder / "interactions.csv")


@contextmanager
def groceries(state: Path) -> Iterator[str]:
    """The demo of a shop with prices."""
    asyncio.run(prepare(state, database_url(state), priced=True))
    with served(state, database_url(state), THAW_DEMO_SHOP="groceries") as url:
        yield url


@contextmanager
def demonstrated(shop: str, state: Path) -> Iterator[str]:
    """What `./run` shows, of real data."""
    port = free_port()
    environment = {
        "THAW_STATE": str(state),
        "THAW_DATABASE__URL": database_url(state),
        "THAW_WEIGHTS__DIRECTORY": str(state / "weights"),
    }
    server = subprocess.Popen(
        [THAW, "demo", "--shop", shop, "--port", str(port)], env={**os.environ, **environment}
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(server, url, PREPARED_SECONDS)
        yield url
    finally:
        server.terminate()
        server.wait(PREPARED_SECONDS)


def learn_anew(state: Path, *, real: bool) -> None:
    """Newer meta-weights, which the service does not serve yet."""
    if not real:
        save_generated(state / "weights", seed=1)
        return
    folder = fetch_data(Known.ML_100K)
    told = ("--seed", "1", "--budget", "75s", "--out", state / "weights")
    subprocess.run([THAW, "train", "--data", folder, *told], check=True)
