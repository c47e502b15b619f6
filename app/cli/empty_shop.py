"""What the demo's third scene needs: the same catalogue, and nobody who has ever met it."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.console import say
from app.cli.history import PAGE, open_stores, pages
from app.settings import Settings

if TYPE_CHECKING:
    from models.data import Dataset

VISITORS, LIKES, LEAST = 80, 60, 13
LIKED_FROM = 4.0
"""Of five stars."""


def prepare_empty_shop(dataset: "Dataset", folder: Path, settings: Settings) -> None:
    """Make it once; without a table of items nothing tells them apart, so there is none."""
    from app.api.empty_shop import PEOPLE, PRISTINE
    from app.stores.schema import upgrade

    beside = settings.beside("empty")
    people = [] if dataset.items is None else _people(dataset)
    if not people:
        return
    _start_once(folder, beside.weights.directory)
    if (beside.state / PRISTINE).exists():
        return
    say(f"an empty shop of {len(dataset.item_ids):,} items for {len(people)} visitors to come")
    asyncio.run(upgrade(beside.database.url, beside.namespace))
    asyncio.run(_fill(dataset, beside))
    (beside.state / PEOPLE).write_text(json.dumps(people))
    (beside.state / "thaw.db").rename(beside.state / PRISTINE)


def _start_once(folder: Path, directory: Path) -> None:
    """Content-only meta-weights, unless there are some that this version can serve."""
    from models import algorithms
    from models.catalogue import read_catalogue
    from models.cold_start import start
    from models.weights import list_manifests

    for manifest in list_manifests(directory):
        if algorithms.get(manifest.algorithm).tensors <= manifest.tensors.keys():
            return
    start(read_catalogue(folder), directory)


async def _fill(dataset: "Dataset", beside: Settings) -> None:
    from app.cli.past import items_of
    from app.domain import Scope
    from app.stores.api_keys import ApiKeys
    from app.stores.database import Database

    async with open_stores(beside) as stores:
        for items in pages(items_of(dataset), PAGE):
            await stores.catalogue.put_items(items)
    database = await Database.open(beside.database.url, beside.namespace)
    try:
        key = await ApiKeys(database).create(Scope.PUBLISHABLE, "made by thaw demo")
    finally:
        await database.close()
    (beside.state / "dev-keys.json").write_text(json.dumps({Scope.PUBLISHABLE: key.text}))


def _people(dataset: "Dataset") -> list[list[str]]:
    """What some people with many likes liked, in an order of chance. Nothing says who they are."""
    import numpy as np

    liked = np.ones(len(dataset.user), bool)
    if dataset.rating is not None:
        liked = dataset.rating >= LIKED_FROM
    elif dataset.disliked is not None:
        liked = ~dataset.disliked
    generator = np.random.default_rng(0)
    people = []
    for user in generator.permutation(len(dataset.user_ids)):
        rows = np.flatnonzero(liked & (dataset.user == user))
        if len(rows) >= LEAST:
            chosen = generator.permutation(dataset.item[rows])[:LIKES]
            people.append([dataset.item_ids[item] for item in chosen])
        if len(people) == VISITORS:
            break
    return people
