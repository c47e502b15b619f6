"""Workers follow the catalogue in order, from wherever they stand."""

import asyncio

import pytest

from app.domain import Item
from app.services.parts import Parts
from app.services.sync_catalogue import sync_catalogue
from app.stores.catalogue import Changes
from tests.generated import save_generated


@pytest.fixture
async def serving(parts: Parts) -> Parts:
    prepared = await parts.engine.prepare(save_generated(parts.policy.weights_directory), now=0)
    await parts.engine.swap(prepared, now=0)
    return parts


def is_open(parts: Parts, item_id: str) -> bool:
    return parts.engine.pinned().shows(item_id)


async def test_a_worker_that_starts_takes_the_catalogue_as_it_stands(serving: Parts) -> None:
    for hidden in (True, False):
        await serving.catalogue.put_items([Item("i000", hidden=hidden)])
    epoch = await serving.catalogue.put_items([Item("i000", hidden=True), Item("fresh")])
    assert await sync_catalogue(serving, now=0) == epoch
    assert serving.engine.pinned().epoch == epoch
    assert not is_open(serving, "i000")
    assert is_open(serving, "fresh")


async def test_a_slow_reader_does_not_undo_a_newer_change(
    serving: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await serving.catalogue.put_items([Item("i000"), Item("i001", hidden=True)])
    await sync_catalogue(serving, now=0)
    await serving.catalogue.put_items([Item("i000", properties={"title": "new"})])
    read, paused, go_on = serving.catalogue.changes, asyncio.Event(), asyncio.Event()

    async def slow(after: tuple[int, str], limit: int) -> Changes:
        monkeypatch.setattr(serving.catalogue, "changes", read)
        found = await read(after, limit)
        paused.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(serving.catalogue, "changes", slow)
    poll = asyncio.create_task(sync_catalogue(serving, now=0))
    await paused.wait()
    epoch = await serving.catalogue.put_items([Item("i000", hidden=True)])
    writer = asyncio.create_task(sync_catalogue(serving, now=0))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(poll, writer)
    assert serving.engine.epoch == epoch
    assert not is_open(serving, "i000")
