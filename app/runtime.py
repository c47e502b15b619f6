"""Composition root: settings in, everything that runs out; one exit stack closes it all."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from time import time
from uuid import uuid4

from app.domain import Scope
from app.engine.engine import Engine
from app.engine.expressions import parse
from app.engine.wishes import Boost
from app.errors import AppError, StorageUnavailable
from app.services.experiment import Experiment
from app.services.parts import Parts, Policy
from app.services.scenario import Scenario
from app.settings import ScenarioSettings, Settings
from app.stores.activation import Activation
from app.stores.api_keys import ApiKeys
from app.stores.catalogue import Catalogue
from app.stores.companies import Companies
from app.stores.cursors import Cursors
from app.stores.database import Database
from app.stores.embedded_valkey import EmbeddedValkey
from app.stores.event_log import EventLog
from app.stores.explored import ExploredLists
from app.stores.members import Members
from app.stores.pending import PendingWatch
from app.stores.popularity import Popularity
from app.stores.redis import connect
from app.stores.reloads import Reloads
from app.stores.request_rates import RequestRates
from app.stores.retention import Retention
from app.stores.shared_secrets import SigningKey
from app.stores.showings import ShowingLog
from app.stores.support import SupportStore
from app.stores.user_tokens import UserTokens


def now_ms() -> int:
    return int(time() * 1000)


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    parts: Parts
    keys: ApiKeys
    tokens: UserTokens
    rates: RequestRates
    database: Database

    async def health(self) -> dict[str, str | None]:
        """For each part None if it answers, else what is wrong."""
        return {
            "database": await _complaint(self.database.ping),
            "redis": await _complaint(self.parts.support.ping),
            "weights": None if self.parts.engine.snapshot else _missing(self.settings),
        }


def _missing(settings: Settings) -> str:
    return (
        f"no usable meta-weights in {settings.weights.directory}; make some with "
        f"`thaw train --data DIR --out {settings.weights.directory}`"
    )


async def _complaint(ping: Callable[[], Awaitable[None]]) -> str | None:
    try:
        await ping()
    except AppError as error:
        return str(error)
    return None


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open every store and the engine, in order; close them in reverse, whatever happens."""
    async with AsyncExitStack() as stack:
        database = await Database.open(settings.database.url, settings.namespace)
        stack.push_async_callback(database.close)
        redis_url = settings.redis.url
        if redis_url == "embedded":
            valkey = await EmbeddedValkey.start(settings.state / "valkey")
            stack.push_async_callback(valkey.stop)
            redis_url = valkey.url
        redis = connect(redis_url, settings.redis.timeout_ms)
        stack.push_async_callback(redis.close)
        log = EventLog(database, queue_limit=settings.events.queue_limit)
        log.start()
        stack.push_async_callback(log.close)
        pending = PendingWatch(log)
        await pending.start()
        stack.push_async_callback(pending.close)
        engine = Engine(
            device=settings.engine.device,
            batch_limit=settings.engine.batch_limit,
            queue_limit=settings.engine.queue_limit,
            folder=settings.state / "index",
        )
        engine.start()
        stack.push_async_callback(engine.close)
        support = SupportStore(
            redis, settings.namespace, ttl_seconds=settings.redis.window_ttl_seconds
        )
        stack.push_async_callback(support.settle)
        parts = Parts(
            policy=_policy(settings),
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
            cursors=Cursors(redis, settings.namespace),
            signing_key=SigningKey(database),
            showings=ShowingLog(database),
            explored=ExploredLists(database),
            engine=engine,
            replica_id=uuid4().hex[:12],
        )
        stack.push_async_callback(_leave, parts)
        secret = settings.server.user_token_secret
        tokens = UserTokens(
            database, settings.namespace, secret.get_secret_value() if secret else None
        )
        told = settings.limits.requests_per_key
        rates = RequestRates({Scope(scope): rate for scope, rate in told.items()})
        yield Runtime(settings, parts, ApiKeys(database), tokens, rates, database)


async def _leave(parts: Parts) -> None:
    with suppress(StorageUnavailable):
        await parts.activation.leave(parts.replica_id)


def _policy(settings: Settings) -> Policy:
    events = settings.events
    return Policy(
        event_weights=events.weights,
        rating_range=events.rating_range,
        seen_types=events.seen,
        retention_ms=events.retention_days * 86_400_000,
        future_ms=events.future_hours * 3_600_000,
        stub_items=events.stub_items,
        deadline_seconds=settings.engine.deadline_ms / 1000,
        weights_directory=settings.weights.directory,
        scenarios=scenarios(settings),
        experiment=Experiment(settings.experiment.holdout, settings.experiment.salt),
    )


def scenarios(settings: Settings) -> Mapping[str, Scenario]:
    """Raises `InvalidRequest` for a filter that is none."""
    return {name: _scenario(name, one) for name, one in settings.scenarios.items()}


def _scenario(name: str, told: ScenarioSettings) -> Scenario:
    where = f"/scenarios/{name}"
    return Scenario(
        filter=None if told.filter is None else parse(told.filter, f"{where}/filter"),
        boosts=tuple(
            Boost(parse(boost.filter, f"{where}/boosts/{place}/filter"), boost.factor)
            for place, boost in enumerate(told.boosts)
        ),
        fading=tuple(told.fading.items()),
        include_seen=told.include_seen,
        exclude_self=told.exclude_self,
        exclude_listed_in=told.exclude_listed_in,
        diversity=told.diversity,
        exploration=told.exploration,
    )
