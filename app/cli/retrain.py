"""`thaw retrain`: learn from the service's own log, and serve what came of it if it is better."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import complain, load_settings, print_json, say, seconds, step
from app.cli.export import export_folder
from app.cli.ignoring import Ignore, ignoring
from app.cli.learn import train_showing
from app.errors import AppError
from app.settings import Settings
from models.errors import ModelError

if TYPE_CHECKING:
    from app.services.trial import Trial
    from app.stores.database import Database
    from models.data import Dataset
    from models.weights import MetaWeights


@dataclass(frozen=True, slots=True)
class Retrained:
    version: str
    before: str | None
    verdict: str
    promoted: bool
    trial: "Trial | None"


def retrain(
    budget: Annotated[
        str | None, typer.Option(help="Longest time for the outer loop, such as 90s or 5m.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Do it again and again, such as every 24h.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Train and compare, but promote nothing.")
    ] = False,
    ignore: Ignore = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Export the log, train, compare with what serves on held-out people; promote what is better.

    All replicas take over what was promoted within a second, with the checks of a reload.
    `thaw weights rollback` takes it back.
    """
    settings = load_settings()
    limit, pause = seconds(budget) if budget else None, seconds(every) if every else None
    while True:
        try:
            done = retrained(settings, limit, ignore, dry_run=dry_run)
        except (AppError, ModelError) as error:
            if pause is None:
                raise
            complain(str(error), f"the next attempt is in {every}")
        else:
            say(f"{done.version}: {done.verdict}" + (", promoted" if done.promoted else ""))
            if as_json:
                print_json(asdict(done))
        if pause is None:
            return
        time.sleep(pause)


def retrained(
    settings: Settings,
    budget_seconds: float | None,
    ignore: Sequence[str] | None = None,
    *,
    dry_run: bool,
) -> Retrained:
    """Raises what exporting, training and loading meta-weights raise."""
    from models import weights as meta_weights
    from models.config import TrainConfig
    from models.data import read

    directory = settings.weights.directory
    desired = asyncio.run(_desired(settings))
    serving = meta_weights.load(directory, desired) if desired else None
    split = serving.manifest.split if serving else {}
    config = TrainConfig(
        seed=int(split.get("seed", 0)),
        fold=int(split.get("fold", 0)),
        budget_seconds=budget_seconds,
    )
    with tempfile.TemporaryDirectory(prefix="thaw-retrain-") as folder:
        step("exporting the log")
        asyncio.run(export_folder(settings, Path(folder), pseudonyms=False))
        dataset = ignoring(read(Path(folder)), ignore)
        step("training")
        manifest = train_showing(dataset, config, directory)
    candidate = meta_weights.load(directory, manifest.version)
    found: Trial | None = None
    if serving is None:
        verdict = "nothing served before"
    elif serving.version == candidate.version:
        verdict = "the same as serves"
    else:
        step("comparing on held-out people")
        people = _held_out(dataset, config.seed, config.fold)
        found = asyncio.run(_compared(settings, serving, candidate, people))
        verdict = found.verdict
    promoted = not dry_run and (serving is None or verdict == "better")
    if promoted:
        asyncio.run(_activate(settings, candidate.version))
    return Retrained(candidate.version, desired, verdict, promoted, found)


def _held_out(dataset: "Dataset", seed: int, fold: int) -> list[list[str]]:
    """What each test user liked, in a random order."""
    from models.data.splitting import histories, split

    told = histories(dataset, "random", seed)
    disliked = _disliked(dataset)
    return [
        [
            dataset.item_ids[item]
            for item in told.of(user).tolist()
            if (int(user), item) not in disliked
        ]
        for user in split(dataset, seed, fold).test
    ]


def _disliked(dataset: "Dataset") -> set[tuple[int, int]]:
    if dataset.disliked is None:
        return set()
    users, items = dataset.user[dataset.disliked], dataset.item[dataset.disliked]
    return set(zip(users.tolist(), items.tolist(), strict=True))


async def _compared(
    settings: Settings, serving: "MetaWeights", candidate: "MetaWeights", people: list[list[str]]
) -> "Trial":
    """In an engine of its own, over the catalogue as it is now."""
    from app.engine.engine import Engine
    from app.services.sync_catalogue import read_changes
    from app.services.trial import compare
    from app.stores.catalogue import Catalogue

    now = time.time_ns() // 1_000_000
    async with _opened(settings) as database:
        items, standing = await read_changes(Catalogue(database), 0)
    engine = Engine(device=settings.engine.device, batch_limit=64, queue_limit=4_096)
    engine.start()
    try:
        await engine.update_items(items, standing.epoch, now, standing.events)
        old, new = [await engine.prepare(one, now) for one in (serving, candidate)]
        return await compare(engine, old, new, people)
    finally:
        await engine.close()


async def _desired(settings: Settings) -> str | None:
    from app.stores.activation import Activation

    async with _opened(settings) as database:
        return (await Activation(database).desired())[0]


async def _activate(settings: Settings, version: str) -> None:
    from app.stores.activation import Activation

    async with _opened(settings) as database:
        await Activation(database).activate(version)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator["Database"]:
    from app.stores.database import Database

    database = await Database.open(settings.database.url, settings.namespace)
    try:
        yield database
    finally:
        await database.close()
