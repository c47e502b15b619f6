"""Promises to the service, which knows an algorithm by nothing but its interface."""

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest_asyncio
import torch

from app.domain import Shot
from app.engine.engine import Engine
from app.engine.request import Ranked, RankRequest
from models.algorithms.interface import Trainable
from models.algorithms.scoring import personalise
from models.shapes import Features, Support
from models.weights import MetaWeights
from tests.models.algorithms.given import (
    ITEMS,
    OPEN,
    Given,
    Slow,
    all_in_force,
    close,
    scores_of,
    some_profile,
    some_support,
    with_tables,
)


class CanBeServed(Given):
    @pytest_asyncio.fixture
    async def engine(self, algorithm: Trainable, trained: MetaWeights) -> AsyncIterator[Engine]:
        """The service's, on trained weights, with everything in force that can change a score."""
        slow = with_tables(trained.slow, OPEN | all_in_force(algorithm))
        engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
        engine.start()
        manifest = replace(trained.manifest, smoke=None)  # which tells of what was trained
        opened = replace(trained, slow=slow, manifest=manifest)
        await engine.swap(await engine.prepare(opened, now=0), now=0)
        yield engine
        await engine.close()

    async def test_the_service_ranks_with_it(
        self, algorithm: Trainable, engine: Engine, trained: MetaWeights
    ) -> None:
        dislike = -2.0 * float(trained.slow["dislike_weight"])
        support = Support(torch.tensor([[3, 8]]), torch.tensor([[1.0, dislike]]))
        shots = (Shot("i003", 1.0, 5), Shot("i008", -2.0, 6))
        answer = await ranked(engine, RankRequest(shots=shots, k=2 * ITEMS))
        assert (answer.mode, answer.support, answer.gate) == ("adapted", 2, 1.0)
        scores = [item.score for item in answer.items]
        assert scores == sorted(scores, reverse=True)
        slow = with_tables(trained.slow, OPEN | all_in_force(algorithm))
        expected = scores_of(algorithm, slow, support, Features.none(1))[0]
        by_id = {item.item_id: item.score for item in answer.items}
        assert by_id.keys() == set(trained.item_ids)
        close(torch.tensor([by_id[item_id] for item_id in trained.item_ids]), expected, 1e-3)

    async def test_a_list_does_not_depend_on_the_batch_it_rides_in(self, engine: Engine) -> None:
        requests = some_requests()
        alone = [await ranked(engine, request) for request in requests]
        pinned = engine.pinned()
        together = await engine._rank_many(pinned, requests)
        assert [one.items for one in together] == [one.items for one in alone]
        assert [one.fast for one in together] == [one.fast for one in alone]

    async def test_cached_fast_weights_give_the_same_list(self, engine: Engine) -> None:
        for request in some_requests():
            first = await ranked(engine, request)
            again = await ranked(engine, replace(request, fast=first.fast))
            assert again.items == first.items

    def test_says_truly_whether_a_dot_product_ranks(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        """Scores of a dot product are linear in the row; no others are."""
        support, profile = some_support(), some_profile()
        personal = personalise(algorithm, served, support, profile)
        rows = algorithm.item_rows(served).double()
        between = algorithm.score(served, personal, (rows + rows.flip(0)) / 2)
        scores = algorithm.score(served, personal, rows)
        linear = torch.allclose(between, (scores + scores.flip(1)) / 2, rtol=1e-6, atol=1e-6)
        assert linear == (algorithm.retrieval == "dot")


async def ranked(engine: Engine, request: RankRequest) -> Ranked:
    return await engine.rank(engine.pinned(), request, within=30.0)


def some_requests() -> list[RankRequest]:
    """Of 0 to 11 shots, likes and dislikes."""
    random = np.random.default_rng(3)
    return [
        RankRequest(
            shots=tuple(
                Shot(f"i{item:03d}", float(random.choice([1.0, 2.0, -1.0])), 0)
                for item in random.choice(ITEMS, size=random.integers(0, 12), replace=False)
            ),
            k=int(random.integers(1, ITEMS)),
        )
        for _ in range(16)
    ]
