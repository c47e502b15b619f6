"""Newer items go over to what their first users know beside them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.domain import Item, Shot
from app.engine.engine import Engine
from app.engine.request import RankRequest
from models.weights import MetaWeights
from tests.generated import generated_ids, save_generated

IDS = generated_ids()
FRESH = "fresh"
EVEN = RankRequest(shots=tuple(Shot(IDS[n], 1.0, n) for n in (20, 30, 40)), k=100)
ODD = RankRequest(shots=tuple(Shot(IDS[n], 1.0, n) for n in (21, 31, 41)), k=100)


def company(*item_ids: str, users: int = 8) -> str:
    return json.dumps({"users": users, "shares": dict.fromkeys(item_ids, 0.5)})


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    return save_generated(tmp_path, tastes=True)


@asynccontextmanager
async def started(weights: MetaWeights) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(weights, now=0), now=0)
    await engine.update_items([Item(FRESH)], 1, now=0)
    yield engine
    await engine.close()


async def score(engine: Engine, request: RankRequest) -> float:
    answer = await engine.rank(engine.pinned(), request, within=30)
    return next(item.score for item in answer.items if item.item_id == FRESH)


async def test_it_rises_for_those_who_know_the_same(weights: MetaWeights) -> None:
    async with started(weights) as engine:
        before = [await score(engine, one) for one in (EVEN, ODD)]
        await engine.update_items([Item(FRESH, company=company(IDS[2], IDS[4]))], 2, now=0)
        after = [await score(engine, one) for one in (EVEN, ODD)]
        assert after[0] > before[0] + 0.5
        assert after[1] < before[1]
        assert engine.pinned().layout.kin_of(FRESH).keys() == {IDS[2], IDS[4]}
        await engine.update_items([Item(FRESH)], 3, now=0)
        assert [await score(engine, one) for one in (EVEN, ODD)] == before


async def test_candidates_are_scored_alike(weights: MetaWeights) -> None:
    async with started(weights) as engine:
        await engine.update_items([Item(FRESH, company=company(IDS[2], IDS[4]))], 2, now=0)
        row = engine.pinned().layout.row(FRESH)
        some = replace(EVEN, candidates=(FRESH, IDS[0], IDS[1]))
        assert row == len(IDS)
        assert await score(engine, some) == await score(engine, EVEN)


async def test_what_training_does_not_know_says_nothing(weights: MetaWeights) -> None:
    async with started(weights) as engine:
        before = await score(engine, EVEN)
        await engine.update_items([Item(FRESH, company=company("other", users=50))], 2, now=0)
        assert await score(engine, EVEN) == before
        await engine.update_items([Item(FRESH, company=company("other", IDS[2]))], 3, now=0)
        mixed = await score(engine, EVEN)
        await engine.update_items([Item(FRESH, company=company(IDS[2]))], 4, now=0)
        assert await score(engine, EVEN) == mixed != before


async def test_a_new_version_makes_the_same_of_it(weights: MetaWeights) -> None:
    told = Item(FRESH, company=company(IDS[2], IDS[4]))
    async with started(weights) as engine:
        await engine.update_items([told], 2, now=0)
        grown = await score(engine, EVEN)
        await engine.swap(await engine.prepare(weights, now=0), now=0)
        assert await score(engine, EVEN) == grown


async def test_only_another_company_makes_the_row_anew(weights: MetaWeights) -> None:
    told = Item(FRESH, company=company(IDS[2], IDS[4]))
    async with started(weights) as engine:
        await engine.update_items([told], 2, now=0)
        before = engine.pinned().layout
        await engine.update_items([replace(told, events=3)], 3, now=0, events=5)
        assert engine.pinned().layout is before


async def test_older_weights_serve_without_it(tmp_path: Path) -> None:
    async with started(save_generated(tmp_path)) as engine:
        before = engine.pinned().layout
        await engine.update_items([Item(FRESH, company=company(IDS[2], IDS[4]))], 2, now=0)
        assert engine.pinned().layout is before
        assert not engine.pinned().frozen.by_company
        assert before.moved is None


async def test_neighbours_do_not_show(weights: MetaWeights) -> None:
    async with started(weights) as engine:
        alone = engine.pinned().frozen.newcomers([Item(FRESH, company=company(IDS[2]))])
        others = [Item(f"n{n}", company=company(*IDS[: 3 * n])) for n in range(1, 9)]
        some = [others[0], Item(FRESH, company=company(IDS[2])), *others[1:]]
        among = engine.pinned().frozen.newcomers(some)
        for one, many in zip((alone.rows, alone.moved), (among.rows, among.moved), strict=True):
            assert torch.equal(one[0], many[1])
        assert torch.equal(alone.kin.shares[0], among.kin.shares[1])
