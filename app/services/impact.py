"""What lists were worth: how often what they showed was clicked, bought, liked, by how they came
about. Only request ids count that were signed here, for the very person that sends them.
"""

from asyncio import to_thread
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from app.domain import CLICK, IMPRESSION, Entity, Event
from app.metrics import count_impression, count_outcome
from app.services.experiment import Experiment
from app.services.intervals import Interval, difference, rate
from app.services.parts import Parts
from app.services.receipt import Receipt, read, whose
from app.stores.showings import Showing, Showings

DAY_MS = 86_400_000
SUPPORTS = ((0, "0"), (1, "1"), (2, "2"), (5, "3-5"), (10, "6-10"), (20, "11-20"))
"""Largest support of a group, and its name."""


@dataclass(slots=True)
class Tally:
    impressions: int = 0
    clicks: int = 0
    positives: int = 0

    def add(self, showing: Showing) -> None:
        self.impressions += showing.impressions
        self.clicks += showing.clicks
        self.positives += showing.positives

    @property
    def click_rate(self) -> Interval | None:
        return rate(self.clicks, self.impressions)

    @property
    def positive_rate(self) -> Interval | None:
        return rate(self.positives, self.impressions)


@dataclass(frozen=True, slots=True)
class Impact:
    since: int
    until: int
    complete: bool
    """Whether everything since the asked-for time could be read."""
    events: int
    lists: int
    forged: int
    """Lists that nobody here has signed."""
    foreign: int
    """Lists that were made for somebody else."""
    untold: int
    """Items that something positive happened to, of which no impression tells."""
    crossovers: int
    """People left out, for they were in both arms: as guests in one, as members in the other."""
    total: Tally
    by_mode: Mapping[str, Tally]
    by_arm: Mapping[str, Tally]
    by_support: Mapping[str, Tally]
    by_version: Mapping[str, Tally]

    @property
    def gain(self) -> Interval | None:
        """Positive rate of the treatment less that of the holdout."""
        treatment, holdout = (self.by_arm.get(arm, Tally()) for arm in ("treatment", "holdout"))
        return difference(treatment.positive_rate, holdout.positive_rate)


def support_group(support: int) -> str:
    """
    >>> [support_group(size) for size in (0, 4, 10, 50)]
    ['0', '3-5', '6-10', '21-50']
    """
    return next((name for most, name in SUPPORTS if support <= most), "21-50")


def count_outcomes(key: bytes, events: Iterable[Event]) -> None:
    """For the metrics: what new events tell of lists, each event by itself."""
    for event in events:
        if event.request_id is None or (receipt := read(key, event.request_id)) is None:
            continue
        if receipt.issuer != whose(event.entity):
            continue
        labels = receipt.mode, receipt.arm, support_group(receipt.support)
        if event.type == IMPRESSION:
            count_impression(*labels)
        if event.type == CLICK:
            count_outcome("click", *labels)
        if event.weight > 0:
            count_outcome("positive", *labels)


async def impact(parts: Parts, days: int, now: int) -> Impact:
    """Of the events of the last `days`; `now` in ms. Raises `StorageUnavailable`."""
    since = now - days * DAY_MS
    showings = await parts.showings.read(since, now)
    key, experiment = parts.signing_key.value, parts.policy.experiment
    return await to_thread(tally, showings, key, experiment, since, now)


def tally(showings: Showings, key: bytes, experiment: Experiment, since: int, until: int) -> Impact:
    """Pure: adds up what may count."""
    modes, arms = defaultdict[str, Tally](Tally), defaultdict[str, Tally](Tally)
    supports, versions = defaultdict[str, Tally](Tally), defaultdict[str, Tally](Tally)
    total, lists, forged, foreign, untold, crossovers = Tally(), 0, 0, 0, 0, 0
    ordered = sorted(showings.lists, key=lambda showing: showing.entity)
    for entity, of_entity in groupby(ordered, key=lambda showing: showing.entity):
        lives = (entity, *showings.guests.get(entity, ()))
        own, others, unknown = _sorted(key, lives, list(of_entity))
        forged, foreign = forged + unknown, foreign + others
        if len({receipt.arm for receipt, _ in own} | {*map(experiment.arm, lives)}) > 1:
            crossovers += 1
            continue
        for receipt, showing in own:
            lists, untold = lists + 1, untold + showing.untold
            for one in (
                total,
                modes[receipt.mode],
                arms[receipt.arm],
                supports[support_group(receipt.support)],
                versions[receipt.version],
            ):
                one.add(showing)
    return Impact(
        since=showings.since,
        until=until,
        complete=showings.since <= since,
        events=showings.events,
        lists=lists,
        forged=forged,
        foreign=foreign,
        untold=untold,
        crossovers=crossovers,
        total=total,
        by_mode=modes,
        by_arm=arms,
        by_support=supports,
        by_version=versions,
    )


def _sorted(
    key: bytes, lives: Sequence[Entity], showings: Sequence[Showing]
) -> tuple[list[tuple[Receipt, Showing]], int, int]:
    """Lists of somebody with these lives; how many are somebody else's, and how many nobody's."""
    read_all = [(read(key, showing.request_id), showing) for showing in showings]
    signed = [(receipt, showing) for receipt, showing in read_all if receipt is not None]
    names = {whose(life) for life in lives}
    own = [(receipt, showing) for receipt, showing in signed if receipt.issuer in names]
    return own, len(signed) - len(own), len(showings) - len(signed)
