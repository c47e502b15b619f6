"""`thaw import`: a shop's catalogue, people and history, in bulk."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.console import complain, load_settings, print_json, progress_bar, say
from app.settings import Settings

if TYPE_CHECKING:
    from app.services.import_history import Imported
    from app.stores.catalogue import Catalogue
    from app.stores.event_log import EventLog
    from app.stores.retention import Retention
    from app.stores.support import SupportStore
    from models.data import Dataset

T = TypeVar("T")
PAGE = 1_000
"""Items or users per transaction."""


def import_(
    data: Annotated[Path, typer.Option("--data", help="Folder of the format of docs/data.md.")],
    type_: Annotated[
        str, typer.Option("--type", help="What an interaction without a rating was.")
    ] = "like",
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Load a folder's items, users and interactions; again is safe and adds what is missing."""
    from models.data import read

    dataset = read(data)
    say(str(dataset.report))
    imported = asyncio.run(import_dataset(load_settings(), dataset, type_))
    for reason, count in imported.refused.items():
        complain(f"{count:,} events were not taken: {reason}")
    if as_json:
        print_json(asdict(imported))


async def import_dataset(settings: Settings, dataset: "Dataset", type_: str) -> "Imported":
    """Items and users first, then the history. Raises `DataError`, `StorageUnavailable`."""
    from app.cli.past import events_of, items_of, users_of
    from app.services.import_history import forget, import_history

    events = events_of(dataset, settings.events, type_, int(time() * 1000))
    async with open_stores(settings) as stores:
        with progress_bar() as bar:
            task = bar.add_task("items", total=len(dataset.item_ids))
            for items in pages(items_of(dataset), PAGE):
                await stores.catalogue.put_items(items)
                bar.advance(task, len(items))
            task = bar.add_task("users", total=0 if dataset.users is None else len(dataset.users))
            for users in pages(users_of(dataset), PAGE):
                positions = await stores.catalogue.put_users(users)
                if stores.support is not None:
                    await forget(stores.log, stores.support, positions)
                bar.advance(task, len(users))
            task = bar.add_task("events", total=len(dataset.user))
            imported = await import_history(
                stores.log,
                stores.support,
                events,
                lambda done: bar.update(task, completed=done),
            )
    say(f"{imported.new:,} events imported, {imported.duplicates:,} were there already")
    return imported


async def is_imported(settings: Settings, dataset: "Dataset", type_: str) -> bool:
    """Whether the last event of an import is in the log, hence all before it."""
    from app.cli.past import events_of
    from app.services.import_history import has_event

    last, now = len(dataset.user) - 1, int(time() * 1000)
    (event,) = events_of(dataset, settings.events, type_, now, first=last)
    async with open_stores(settings) as stores:
        return await has_event(stores.log, event)


@dataclass(frozen=True, slots=True)
class Stores:
    log: "EventLog"
    catalogue: "Catalogue"
    retention: "Retention"
    support: "SupportStore | None"
    """None for the embedded Valkey, which belongs to the service that runs it."""


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Far less than a whole runtime, so what writes to it may run beside a service."""
    from app.stores.catalogue import Catalogue
    from app.stores.database import Database
    from app.stores.event_log import EventLog
    from app.stores.redis import connect
    from app.stores.retention import Retention
    from app.stores.support import SupportStore

    async with AsyncExitStack() as stack:
        database = await Database.open(settings.database.url, settings.namespace)
        stack.push_async_callback(database.close)
        support = None
        if settings.redis.url != "embedded":
            redis = connect(settings.redis.url, settings.redis.timeout_ms)
            stack.push_async_callback(redis.close)
            ttl = settings.redis.window_ttl_seconds
            support = SupportStore(redis, settings.namespace, ttl_seconds=ttl)
        log = EventLog(database)
        log.start()
        stack.push_async_callback(log.close)
        yield Stores(log, Catalogue(database), Retention(database), support)


def pages(things: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(things)
    while page := list(islice(remaining, size)):
        yield page
