"""A catalogue that nobody has met, served: all items, then those like what was clicked."""

from collections.abc import AsyncIterator
from pathlib import Path

import polars as pl
import pytest_asyncio

from app.domain import Shot
from app.engine.engine import Engine
from app.engine.request import Ranked, RankRequest
from models.catalogue import Catalogue
from models.cold_start import start
from models.weights import load

KINDS = ("war", "art", "sea", "sky")
ITEMS = pl.DataFrame(
    {"item_id": [f"i{n:03d}" for n in range(200)], "kind": [KINDS[n % 4] for n in range(200)]}
)


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    version = start(Catalogue("shop", ITEMS), tmp_path).version
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(load(tmp_path, version), now=0), now=0)
    yield engine
    await engine.close()


async def ranked(engine: Engine, k: int, *liked: str) -> Ranked:
    shots = tuple(Shot(item_id, 0.5, n) for n, item_id in enumerate(liked))
    return await engine.rank(engine.pinned(), RankRequest(shots, k, exclude=liked), within=30)


def ids(answer: Ranked) -> list[str]:
    return [item.item_id for item in answer.items]


async def test_a_stranger_gets_all_items_by_id_and_any_shorter_list_begins_so(
    engine: Engine,
) -> None:
    whole = await ranked(engine, 500)
    assert ids(whole) == ITEMS["item_id"].to_list()
    assert (whole.mode, len({item.score for item in whole.items})) == ("prior", 1)
    for k in (1, 10, 120):
        assert ids(await ranked(engine, k)) == ids(whole)[:k]


async def test_a_click_moves_items_of_the_same_kind_up(engine: Engine) -> None:
    for clicked in ("i000", "i041", "i106"):
        answer = await ranked(engine, 500, clicked)
        kind = int(clicked[1:]) % 4
        assert answer.mode == "adapted"
        assert {int(item_id[1:]) % 4 for item_id in ids(answer)[:49]} == {kind}
        assert sorted([*ids(answer), clicked]) == ITEMS["item_id"].to_list()
