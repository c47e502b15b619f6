"""What a service is given to work with."""

from asyncio import Lock
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.engine.engine import Engine
from app.services.experiment import Experiment
from app.services.scenario import Scenario
from app.stores.activation import Activation
from app.stores.catalogue import Catalogue
from app.stores.companies import Companies
from app.stores.cursors import Cursors
from app.stores.event_log import EventLog
from app.stores.explored import ExploredLists
from app.stores.members import Members
from app.stores.pending import PendingWatch
from app.stores.popularity import Popularity
from app.stores.reloads import Reloads
from app.stores.retention import Retention
from app.stores.shared_secrets import SigningKey
from app.stores.showings import ShowingLog
from app.stores.support import SupportStore


@dataclass(frozen=True, slots=True)
class Policy:
    """The shop's own rules, as plain values."""

    event_weights: Mapping[str, float]
    rating_range: tuple[float, float]
    seen_types: frozenset[str]
    retention_ms: int
    future_ms: int
    stub_items: bool
    deadline_seconds: float
    weights_directory: Path
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    experiment: Experiment = field(default_factory=Experiment)


@dataclass(frozen=True, slots=True)
class Parts:
    policy: Policy
    log: EventLog
    pending: PendingWatch
    support: SupportStore
    catalogue: Catalogue
    popularity: Popularity
    companies: Companies
    members: Members
    retention: Retention
    activation: Activation
    reloads: Reloads
    cursors: Cursors
    signing_key: SigningKey
    showings: ShowingLog
    explored: ExploredLists
    engine: Engine
    replica_id: str
    reloading: Lock = field(default_factory=Lock)
    syncing: Lock = field(default_factory=Lock)
