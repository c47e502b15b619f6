"""A catalogue that is searched by an index gives the lists that scoring all of it gives."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.domain import Item, Shot
from app.engine import frozen, pools
from app.engine.engine import Engine
from app.engine.filters import Compare, Not
from app.engine.request import RankRequest
from models import weights as meta_weights
from models.algorithms.matching import Matching
from models.algorithms.ranking import MEMORIES
from models.config import RankerConfig
from models.weights import Facts, MetaWeights
from tests.generated import generated_encoders, generated_ids, save_generated

ITEMS, NOW = 400, 1_000
IDS = generated_ids(ITEMS)
KINDS = ("war", "art", "art", "art")


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "INDEXED", 100)
    monkeypatch.setattr(pools, "GATHERED", 60)


@asynccontextmanager
async def started(weights: MetaWeights, folder: Path | None = None) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64, folder=folder)
    engine.start()
    await engine.update_items(
        [Item(one, {"genre": KINDS[n % 4]}) for n, one in enumerate(IDS)], 1, NOW
    )
    await engine.swap(await engine.prepare(weights, NOW), NOW)
    yield engine
    await engine.close()


def requests(seed: int) -> Iterator[RankRequest]:
    """Shots, sizes, exclusions, filters and candidates of many kinds."""
    random = np.random.default_rng(seed)
    wishes = (None, Compare("genre", "eq", "war"), Not(Compare("genre", "in", ("war", "sea"))))
    for n in range(24):
        chosen = random.choice(ITEMS, size=random.integers(0, 9), replace=False)
        excluded = random.choice(ITEMS, size=random.integers(0, 40), replace=False)
        yield RankRequest(
            shots=tuple(Shot(IDS[item], float(random.choice([1.0, -1.0])), 0) for item in chosen),
            k=int(random.integers(1, 50)),
            exclude=frozenset(IDS[item] for item in excluded),
            filter=wishes[n % 3],
            candidates=IDS[:90] if n % 5 == 0 else None,
        )


async def lists(engine: Engine, seed: int) -> list[list[tuple[str, float]]]:
    answers = await asyncio.gather(
        *(engine.rank(engine.pinned(), request, within=30.0) for request in requests(seed))
    )
    return [[(item.item_id, item.score) for item in answer.items] for answer in answers]


CHANGES = (
    [Item(IDS[0], {"genre": "war"}, hidden=True), Item("new-1", {"genre": "war"}, events=50)],
    [Item("new-2", {"genre": "art"}), Item(IDS[3], {"genre": "war"}, events=70)],
    [Item("new-2", {"genre": "war"}), Item(IDS[0], {"genre": "art"}), Item("new-3", hidden=True)],
)


@pytest.mark.parametrize("interactions", [0, 1_000])
async def test_lists_are_those_of_the_whole_catalogue_whatever_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interactions: int
) -> None:
    weights = save_generated(
        tmp_path, items=ITEMS, encoders=generated_encoders(), interactions=interactions
    )
    async with started(weights) as whole:
        monkeypatch.setattr(frozen, "INDEXED", 100)
        monkeypatch.setattr(pools, "GATHERED", 60)
        async with started(weights, tmp_path / "index") as searched:
            assert searched.pinned().frozen.search is not None
            assert await lists(searched, 0) == await lists(whole, 0)
            for epoch, changed in enumerate(CHANGES, start=2):
                for engine in (whole, searched):
                    await engine.update_items(changed, epoch, NOW, events=100 * epoch)
                assert await lists(searched, epoch) == await lists(whole, epoch)


async def test_filters_exclusions_and_changes_hold_where_an_index_finds_little(
    small_is_large: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine.index.LEAST_PROBES", 1)
    weights = save_generated(tmp_path, items=ITEMS, encoders=generated_encoders())
    async with started(weights) as engine:
        await engine.update_items([Item(IDS[1], {"genre": "war"}, hidden=True)], 2, NOW)
        kinds = {one: KINDS[n % 4] for n, one in enumerate(IDS)} | {IDS[1]: "hidden"}
        for request in requests(seed=5):
            answer = await engine.rank(engine.pinned(), request, within=30.0)
            came = [item.item_id for item in answer.items]
            allowed = {"war", "art"}
            if request.filter is not None:
                allowed = {"war"} if isinstance(request.filter, Compare) else {"art"}
            may = {one for one, kind in kinds.items() if kind in allowed} - set(request.exclude)
            if request.candidates is not None:
                may &= set(request.candidates)
            assert set(came) <= may
            assert len(came) == len(set(came)) == min(request.k, len(may))


async def test_workers_share_what_is_large(small_is_large: None, tmp_path: Path) -> None:
    weights, folder = save_generated(tmp_path / "weights", items=ITEMS), tmp_path / "index"
    async with started(weights, folder) as first:
        made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        expected = await lists(first, 1)
        async with started(weights, folder) as second:
            assert await lists(second, 1) == expected
            assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made


@pytest.mark.parametrize("suffix", ["rows", "cells", "tensors"])
async def test_a_file_that_was_harmed_is_made_anew(
    small_is_large: None, tmp_path: Path, suffix: str
) -> None:
    weights, folder = save_generated(tmp_path / "weights", items=ITEMS), tmp_path / "index"
    async with started(weights, folder) as engine:
        expected = await lists(engine, 2)
    path = folder / f"{weights.version}.{suffix}"
    whole = path.read_bytes()
    for harmed in (b"", whole[: len(whole) // 2], b"\0" * len(whole)):
        path.unlink()
        path.write_bytes(harmed)
        async with started(weights, folder) as engine:
            assert await lists(engine, 2) == expected
        assert len(path.read_bytes()) == len(whole)


async def test_old_files_make_room(small_is_large: None, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    for seed in range(6):
        weights = save_generated(tmp_path / "weights", items=ITEMS, seed=seed)
        async with started(weights, folder) as engine:
            assert (await lists(engine, 3))[0]
    kept = sorted(path.suffix for path in folder.iterdir() if path.suffix)
    assert kept == sorted([".cells", ".postings", ".rows", ".tensors"] * 4)


async def test_a_matching_network_is_searched_around_likes(
    small_is_large: None, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(0)
    slow = Matching(RankerConfig(dimension=8, negatives=32)).assembled(
        torch.randn(ITEMS, 8, generator=generator),
        -1 - 4 * torch.rand(ITEMS, generator=generator),
        {
            name: (torch.zeros(ITEMS, 1, dtype=torch.int32), torch.zeros(ITEMS, 1))
            for name in MEMORIES
        },
        seed=0,
    )
    facts = Facts(
        algorithm=Matching.name,
        retrieval="multi_vector",
        steps=1,
        split={},
        data={},
        config={},
        metrics={},
    )
    version = meta_weights.save(tmp_path, slow, IDS, facts).version
    async with started(meta_weights.load(tmp_path, version)) as engine:
        snapshot = engine.pinned()
        whole = replace(
            snapshot,
            layout=replace(snapshot.layout, frozen=replace(snapshot.frozen, search=None)),
        )
        for place in range(0, 60, 7):
            shots = tuple(Shot(IDS[place + 9 * n], 1.0, 0) for n in range(4))
            request = RankRequest(shots, 20, filter=Compare("genre", "eq", "art"))
            found, best = [
                [item.item_id for item in (await engine.rank(one, request, within=30.0)).items]
                for one in (snapshot, whole)
            ]
            assert len(found) == 20
            assert len(set(found) & set(best)) >= 19
