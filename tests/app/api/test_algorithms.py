"""Every registered algorithm is served by its name in the manifest alone."""

import asyncio
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from models import algorithms, weights
from models.config import RankerConfig, TrainConfig
from models.data import Dataset, read
from models.train import train
from models.weights import Facts
from tests.app.api.conftest import Service, make_settings, serve
from tests.models.generated_data import KINDS, generated_frame

TRAINING = TrainConfig(
    steps=3, users=16, check_every=3, ranker=RankerConfig(dimension=8, negatives=16)
)
LIKED = ("i021", "i025", "i029")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """With a feature of users and one of items."""
    folder = tmp_path_factory.mktemp("data")
    met = generated_frame(users=120, items=40)
    met.write_parquet(folder / "interactions.parquet")
    taste = pl.col("item_id").str.slice(1).cast(pl.Int64) % KINDS
    met.with_columns(taste.cast(pl.String).mode().first().over("user_id").alias("taste")).select(
        "user_id", "taste"
    ).unique().write_parquet(folder / "users.parquet")
    met.select("item_id", taste.cast(pl.String).alias("kind")).unique().write_parquet(
        folder / "items.parquet"
    )
    return read(folder)


def train_open(dataset: Dataset, name: str, out: Path) -> None:
    """Weights after a few steps, which are to be trusted whatever validation said of them."""
    trained = weights.load(out, train(dataset, replace(TRAINING, algorithm=name), out).version)
    facts = Facts(**{one.name: getattr(trained.manifest, one.name) for one in fields(Facts)})
    facts = replace(facts, smoke=None)  # of what was trained, before it is opened
    tables = ("gate", *algorithms.trainable(name, TRAINING.ranker).blended())
    opened = {table: torch.ones(51) for table in tables} | {"caution": torch.zeros(51)}
    newest = weights.save(out, trained.slow | opened, trained.item_ids, facts)
    assert weights.list_manifests(out)[0].version == newest.version


def scores(answer: dict[str, Any]) -> dict[str, float]:
    return {item["item_id"]: item["score"] for item in answer["items"]}


@pytest.mark.parametrize("name", algorithms.names())
async def test_events_change_the_list(dataset: Dataset, name: str, tmp_path: Path) -> None:
    train_open(dataset, name, tmp_path / "weights")
    async with serve(make_settings(tmp_path)) as service:
        question: dict[str, Any] = {"user_id": "ann", "k": 40, "include_seen": True}
        stranger = await service.recommendations(**question)
        assert stranger["personalization"]["mode"] == "prior"
        assert len(stranger["items"]) == 40
        for item_id in LIKED:
            await service.events({"type": "like", "user_id": "ann", "item_id": item_id})
        adapted = await service.recommendations(**question)
        again = await until_cached(service, question)
        assert adapted["personalization"]["mode"] == "adapted"
        assert adapted["personalization"]["support"] == 3
        assert adapted["personalization"]["gate"]["blend"] == 1.0
        assert again["items"] == adapted["items"]
        assert [*scores(adapted)] != [*scores(stranger)]
        await knows_people_and_new_items(service, adapted)


async def until_cached(service: Service, question: dict[str, Any]) -> dict[str, Any]:
    """The answer once fast weights are kept, which nobody waits for."""
    async with asyncio.timeout(30):
        while True:
            answer = await service.recommendations(**question)
            if answer["personalization"]["cached"]:
                return answer


async def knows_people_and_new_items(service: Service, before: dict[str, Any]) -> None:
    await service.send("PUT", "/v1/users/ann", {"properties": {"taste": "3"}})
    await service.send("PUT", "/v1/items/fresh", {"properties": {"kind": "3"}})
    after = await service.recommendations(user_id="ann", k=50, include_seen=True)
    assert {item["item_id"] for item in after["items"] if item["source"] == "new"} == {"fresh"}
    assert not after["personalization"]["cached"]
    assert {**scores(before), "fresh": 0.0}.keys() == scores(after).keys()
    assert any(abs(scores(after)[known] - score) > 1e-6 for known, score in scores(before).items())
