"""The nouns of the service: entities, events, support windows, questions and answers.

Everything here is frozen and pure. A support window is a join-semilattice: `union` is commutative,
associative and idempotent, so neither the order in which events arrive nor the number of times an
event is delivered can change a window.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from math import inf, log2
from typing import Any, Literal, NamedTuple

SUPPORT_LIMIT = 50
SEEN_LIMIT = 1_000
ID_BYTES = 256
STRENGTH_HALF_LIFE_MS = 30 * 24 * 3600 * 1000


class Namespace(StrEnum):
    USER = "user"
    ANON = "anon"


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A person the service learns: a member (`user`) or a guest (`anon`).

    >>> str(Entity(Namespace.USER, "42"))
    'user:42'
    """

    namespace: Namespace
    id: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Entity":
        namespace, _, id_ = text.partition(":")
        return cls(Namespace(namespace), id_)

    @property
    def digest(self) -> str:
        """32 hex characters that stand for the id where its own characters could do harm."""
        return blake2b(str(self).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Event:
    """One thing an entity did to an item. `weight` is signed; 0 is noted but teaches nothing.

    `timestamp` is in milliseconds since 1970 (UTC).
    """

    entity: Entity
    event_id: str
    item_id: str
    type: str
    weight: float
    timestamp: int
    value: float | None = None
    request_id: str | None = None
    position: int | None = None
    context: Mapping[str, Any] | None = None


def strength(weight: float, timestamp: int) -> float:
    """log2(|weight| x recency), up to a constant: recency halves every 30 days.

    Because recency is exponential, the order of two events by strength never depends on "now".

    >>> strength(4.0, 0) == strength(2.0, STRENGTH_HALF_LIFE_MS)
    True
    """
    return log2(abs(weight)) + timestamp / STRENGTH_HALF_LIFE_MS if weight else -inf


class Shot(NamedTuple):
    """The strongest event of an entity on one item."""

    item_id: str
    weight: float
    timestamp: int

    @property
    def rank(self) -> tuple[float, int, str, float]:
        """A total order: the window keeps the shots that rank highest."""
        return (strength(self.weight, self.timestamp), self.timestamp, self.item_id, self.weight)


@dataclass(frozen=True, slots=True)
class Window:
    """What an entity is known by: at most 50 shots, and at most 1,000 items it has seen.

    `shots` is sorted by item id; `seen` maps an item to the newest timestamp (ms) it was seen at.
    """

    shots: tuple[Shot, ...] = ()
    seen: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, shots: Iterable[Shot], seen: Iterable[tuple[str, int]] = ()) -> "Window":
        """The window of any pile of shots and sightings, in any order, with any repeats."""
        best: dict[str, Shot] = {}
        for shot in shots:
            if shot.weight and (shot.item_id not in best or shot.rank > best[shot.item_id].rank):
                best[shot.item_id] = shot
        kept = sorted(best.values(), key=lambda shot: shot.rank, reverse=True)[:SUPPORT_LIMIT]
        newest: dict[str, int] = {}
        for item_id, timestamp in seen:
            newest[item_id] = max(timestamp, newest.get(item_id, timestamp))
        sighted = sorted(newest.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
        return cls(tuple(sorted(kept, key=lambda shot: shot.item_id)), dict(sighted[:SEEN_LIMIT]))

    def union(self, other: "Window") -> "Window":
        return Window.of((*self.shots, *other.shots), (*self.seen.items(), *other.seen.items()))

    @property
    def digest(self) -> bytes:
        """16 bytes that name exactly what the inner loop reads: item ids and weights."""
        content = "\0".join(f"{shot.item_id}\0{shot.weight!r}" for shot in self.shots)
        return blake2b(content.encode(), digest_size=16).digest()

    def digest_with(self, profile: Mapping[str, Any]) -> bytes:
        """16 bytes that name the same, and the properties that make the prior it starts from."""
        if not profile:
            return self.digest
        content = json.dumps(dict(profile), sort_keys=True).encode()
        return blake2b(self.digest + content, digest_size=16).digest()


def window_of(events: Iterable[Event], seen_types: frozenset[str]) -> Window:
    """The window that a set of events amounts to."""
    told = list(events)
    return Window.of(
        (Shot(event.item_id, event.weight, event.timestamp) for event in told),
        ((event.item_id, event.timestamp) for event in told if event.type in seen_types),
    )


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entity stands in the event log.

    `generation` rises when the entity is erased or merged; `version` by one with every committed
    batch of events that holds something new of it, and with every change of its properties. A
    window at version n holds exactly the events up to n.
    """

    generation: int
    version: int


@dataclass(frozen=True, slots=True)
class PlacedWindow:
    """All that is remembered of an entity: what it did and what is known of it, at a position."""

    window: Window
    position: Position
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FastWeights:
    """The result of an inner loop, tagged with all it depends on: (weights version, digest)."""

    weights_version: str
    digest: bytes
    values: bytes
    steps: int
    adapted_at: int

    def belong_to(self, weights_version: str, digest: bytes) -> bool:
        """Whether they are what this version of the meta-weights makes of what `digest` names."""
        return (self.weights_version, self.digest) == (weights_version, digest)


@dataclass(frozen=True, slots=True)
class Item:
    item_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    hidden: bool = False
    available_from: int | None = None
    available_until: int | None = None
    deleted: bool = False
    """Not to be read any more; it stays only so that nobody shows it."""
    events: int = 0
    """Positive events on it, as far as they are counted. No matter of the one who puts the item."""
    unseen: int = 0
    """Positive events on any item while this one could not be met; as long as it can be, all
    others were chances of it.
    """
    company: str = ""
    """What its first users know beside it, as `app.stores.companies` tells it; empty for nothing.
    No matter of the one who puts the item.
    """

    def is_open(self, at: int) -> bool:
        """Whether it may be shown at a time (ms)."""
        return (
            not self.hidden
            and not self.deleted
            and (self.available_from is None or self.available_from <= at)
            and (self.available_until is None or at < self.available_until)
        )


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)


def patched(properties: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`properties` with those of `change`; a null takes one away (RFC 7396, first level).

    >>> patched({"price": 9, "stock": 1}, {"price": 8, "stock": None})
    {'price': 8}
    """
    together = {**properties, **change}
    return {name: value for name, value in together.items() if value is not None}


class Scope(StrEnum):
    PUBLISHABLE = "publishable"
    SERVER = "server"
    ADMIN = "admin"


Mode = Literal["adapted", "prior", "popular"]
IMPRESSION, CLICK = "impression", "click"
"""Types of events that tell of a list itself."""
Arm = Literal["treatment", "holdout"]
"""Of the experiment that tells what personal lists are worth: the holdout never gets any."""
