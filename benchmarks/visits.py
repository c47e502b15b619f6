"""People who like items and ask for lists at a given rate, whatever becomes of the service.

The load is open (see benchmarks.load). An event that is not acknowledged is sent again with its
event_id until it is, and some that were acknowledged are sent again too. A question goes to the
next replica if its connection is refused, as a load balancer has it, and otherwise only once. What
is acknowledged is written down here, so that every later answer can be held against it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic

import httpx

LIKES = 40
"""Of one person: below the 50 items that a support window holds."""
CROWD = 40
"""How many people are about at once."""
PATIENCE = 20.0
PAUSE = 0.25
"""Seconds before an event is sent again."""
REPEATED = 0.25
"""Share of acknowledged events that are sent once more."""
LONG = 1.0
"""Seconds that a request may take before it counts as trouble."""


@dataclass(slots=True)
class Ledger:
    """What was asked and told under one load; times as `monotonic` has them."""

    asked: int = 0
    answered: int = 0
    flagged: int = 0
    """Answers that say themselves that they may not be the best."""
    lacking: int = 0
    """Answers that do not, though they know less than was acknowledged before the question."""
    repeats: int = 0
    """Events sent again, with the same event_id."""
    unanswered: list[tuple[float, float]] = field(default_factory=list)
    """When such questions were sent and given up."""
    troubles: list[float] = field(default_factory=list)
    """When requests were sent that went wrong or took long, or that got a flagged answer or one of
    old weights.
    """
    known: dict[str, set[str]] = field(default_factory=dict)
    """Items liked, by person, as acknowledged."""
    counted: Counter[str] = field(default_factory=Counter)
    """How often an event was called new."""

    def hold(self, answer: Mapping[str, object], known: frozenset[str], sent: float) -> None:
        """Enters an answer to a question of somebody who had liked `known` when it was sent."""
        self.answered += 1
        if answer["degraded"] is not None:
            self.flagged += 1
            self.troubles.append(sent)
        elif support_of(answer) < len(known) or known & listed(answer):
            self.lacking += 1
            self.troubles.append(sent)

    @property
    def acknowledged(self) -> set[str]:
        return {event_id(who, item) for who, items in self.known.items() for item in items}


def support_of(answer: Mapping[str, object]) -> int:
    match answer["personalization"]:
        case {"support": int(support)}:
            return support
    raise ValueError(f"no support in {answer}")


def listed(answer: Mapping[str, object]) -> set[str]:
    items = answer["items"]
    assert isinstance(items, list)
    return {str(item["item_id"]) for item in items}


def event_id(who: str, item: str) -> str:
    return f"{who}:{item}"


class Visits:
    def __init__(
        self, ports: Sequence[int], key: str, item_ids: Sequence[str], name: str, rate: float
    ) -> None:
        """`rate` is of requests a second, half of them events; `name` tells this load's people
        apart.
        """
        self._ports, self._items, self._name, self._rate = ports, item_ids, name, rate
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=PATIENCE,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )
        self._random = Random(name)
        self._wishes: dict[str, list[str]] = {}
        self._met = 0
        self._going: set[asyncio.Task[None]] = set()
        self._leaving = False
        self.ledger = Ledger()
        self.began = monotonic()
        self.version: str | None = None
        """Of the weights that must answer from now on; None if any may."""

    async def come(self) -> None:
        """Until told to leave; then everything that is under way comes to its end."""
        due = monotonic()
        while not self._leaving:
            due += self._random.expovariate(self._rate)
            await asyncio.sleep(max(0.0, due - monotonic()))
            who = self._person()
            work = self._like(who) if self._random.random() < 0.5 else self.ask(who)
            task = asyncio.create_task(work)
            self._going.add(task)
            task.add_done_callback(self._ended)
        await asyncio.gather(*self._going)

    def leave(self) -> None:
        self._leaving = True

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, who: str) -> None:
        ledger, sent, version = self.ledger, monotonic(), self.version
        known = frozenset(ledger.known[who])
        ledger.asked += 1
        body = {"user_id": who, "k": len(self._items)}
        answer = await self._post("/v1/recommendations", body)
        if answer is None or answer.status_code != httpx.codes.OK:
            ledger.unanswered.append((sent, monotonic()))
            ledger.troubles.append(sent)
            return
        told = answer.json()
        ledger.hold(told, known, sent)
        if version not in (None, told["personalization"]["weights_version"]):
            ledger.troubles.append(sent)

    async def _like(self, who: str) -> None:
        item = self._wishes[who].pop()
        while not await self._send(who, item):
            await asyncio.sleep(PAUSE)
            self.ledger.repeats += 1
        if self._random.random() < REPEATED:
            self.ledger.repeats += 1
            await self._send(who, item)

    async def _send(self, who: str, item: str) -> bool:
        """Whether it was acknowledged."""
        sent, name = monotonic(), event_id(who, item)
        event = {"event_id": name, "type": "like", "user_id": who, "item_id": item}
        answer = await self._post("/v1/events", {"events": [event]})
        if (
            answer is None
            or answer.status_code != httpx.codes.ACCEPTED
            or answer.json()["rejected"]
        ):
            self.ledger.troubles.append(sent)
            return False
        self.ledger.counted[name] += answer.json()["accepted"]
        self.ledger.known[who].add(item)
        return True

    async def _post(self, path: str, body: Mapping[str, object]) -> httpx.Response | None:
        first = self._random.randrange(len(self._ports))
        sent = monotonic()
        for port in (*self._ports[first:], *self._ports[:first]):
            try:
                answer = await self._client.post(f"http://127.0.0.1:{port}{path}", json=body)
            except httpx.ConnectError:
                continue
            except httpx.TransportError:
                return None
            if monotonic() - sent > LONG:
                self.ledger.troubles.append(sent)
            return answer
        return None

    def _person(self) -> str:
        """Somebody who has wishes left; who has none makes room for somebody new."""
        self._wishes = {who: wishes for who, wishes in self._wishes.items() if wishes}
        while len(self._wishes) < CROWD:
            who = f"{self._name}-{self._met}"
            self._met += 1
            self._wishes[who] = self._random.sample(list(self._items), LIKES)
            self.ledger.known[who] = set()
        return self._random.choice(list(self._wishes))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.exception() is None:
            self._going.discard(task)
        else:
            self._leaving = True
