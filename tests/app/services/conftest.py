"""The parts that services work with: real stores, a real engine, generated meta-weights."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from app.engine.engine import Engine
from app.services.parts import Parts, Policy
from app.settings import EventSettings
from app.stores.activation import Activation
from app.stores.catalogue import Catalogue
from app.stores.companies import Companies
from app.stores.cursors import Cursors
from app.stores.database import Database
from app.stores.event_log import EventLog
from app.stores.explored import ExploredLists
from app.stores.members import Members
from app.stores.pending import PendingWatch
from app.stores.popularity import Popularity
from app.stores.redis import Redis
from app.stores.reloads import Reloads
from app.stores.retention import Retention
from app.stores.shared_secrets import SigningKey
from app.stores.showings import ShowingLog
from app.stores.support import SupportStore


@pytest_asyncio.fixture
async def parts(
    database: Database, log: EventLog, support: SupportStore, redis: Redis, tmp_path: Path
) -> AsyncIterator[Parts]:
    engine = Engine(device="cpu", batch_limit=8, queue_limit=64)
    engine.start()
    pending = PendingWatch(log)
    await pending.start()
    yield Parts(
        policy=Policy(
            event_weights=EventSettings().weights,
            rating_range=EventSettings().rating_range,
            seen_types=EventSettings().seen,
            retention_ms=400 * 86_400_000,
            future_ms=86_400_000,
            stub_items=True,
            deadline_seconds=30.0,
            weights_directory=tmp_path / "weights",
        ),
        log=log,
        pending=pending,
        support=support,
        catalogue=Catalogue(database),
        popularity=Popularity(database),
        companies=Companies(database),
        members=Members(database),
        retention=Retention(database),
        activation=Activation(database),
        reloads=Reloads(database),
        cursors=Cursors(redis, "thaw"),
        signing_key=SigningKey(database),
        showings=ShowingLog(database),
        explored=ExploredLists(database),
        engine=engine,
        replica_id="this-one",
    )
    await pending.close()
    await engine.close()


def another_replica(parts: Parts, engine: Engine) -> Parts:
    return replace(parts, engine=engine, replica_id="another")
