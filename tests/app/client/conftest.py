"""One running service in a process of its own, with two versions of generated meta-weights."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from app.client import Bounds, Thaw
from app.domain import Scope
from app.stores.api_keys import ApiKeys
from app.stores.database import Database
from app.stores.schema import upgrade
from tests.generated import save_generated
from tests.integration.served import Served

PATIENT = Bounds(timeout=60, deadline=120, hurry=60)
"""A busy test machine must not decide whether an answer comes."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    state = tmp_path_factory.mktemp("var")
    for seed in (0, 1):
        save_generated(state / "weights", seed=seed)
    served = Served(environment(state), await new_keys(state), state / "log")
    await served.start()
    yield served
    served.stop()


def environment(state: Path) -> dict[str, str]:
    return {
        "THAW_STATE": str(state),
        "THAW_DATABASE__URL": f"sqlite+aiosqlite:///{state}/thaw.db",
        "THAW_WEIGHTS__DIRECTORY": str(state / "weights"),
        "THAW_ENGINE__DEADLINE_MS": "30000",  # a busy test machine must not decide the mode
    }


async def new_keys(state: Path) -> dict[str, str]:
    url = environment(state)["THAW_DATABASE__URL"]
    await upgrade(url, "thaw")
    database = await Database.open(url, "thaw")
    keys = ApiKeys(database)
    made = {scope.value: (await keys.create(scope, "test")).text for scope in Scope}
    await database.close()
    return made


def address(served: Served) -> str:
    return f"http://127.0.0.1:{served.port}"


@pytest.fixture
def thaw(running: Served) -> Iterator[Thaw]:
    with Thaw(address(running), running.keys["server"], bounds=PATIENT) as client:
        yield client


@pytest.fixture
def someone() -> str:
    """An id that no other test uses."""
    return uuid4().hex
