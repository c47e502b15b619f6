"""What a shop wants of its lists, and one caller of this list: together what is asked of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain import PlacedWindow
from app.engine.columns import Columns
from app.engine.expressions import parse
from app.engine.filters import Every, Filter
from app.engine.wishes import Boost, Fading, Wish
from app.errors import InvalidRequest
from app.services.question import Question

MINUTE_MS = 60_000
"""Times of fading are rounded to it, so that people who ask together are ranked together."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named kind of list. What a question leaves open is as the scenario says."""

    filter: Filter | None = None
    boosts: tuple[Boost, ...] = ()
    fading: tuple[tuple[str, float], ...] = ()
    """Properties that hold a time, and hours after which an item has lost half of its odds."""
    include_seen: bool = False
    exclude_self: bool = False
    """Where people are the items: nobody is shown to themselves."""
    exclude_listed_in: tuple[str, ...] = ()
    """Properties of people that list items not to show them: friends, blocked."""
    diversity: float = 0.0
    exploration: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    filter: Filter | None
    wishes: tuple[Wish, ...]
    exclude: frozenset[str]
    diversity: float
    exploration: float


def wanted(
    scenarios: Mapping[str, Scenario],
    question: Question,
    columns: Columns,
    placed: PlacedWindow,
    now: int,
) -> Wanted:
    """Raises `InvalidRequest`."""
    scenario = _named(scenarios, question.scenario)
    include_seen = _first(question.include_seen, scenario.include_seen)
    seen = () if include_seen else placed.window.seen.keys()
    diversity = _first(question.diversity, scenario.diversity)
    exploration = _first(question.exploration, scenario.exploration)
    if diversity and exploration:
        raise InvalidRequest("/diversity", "0 where there is exploration, or that to be 0")
    return Wanted(
        filter=_filter(scenario, question, columns),
        wishes=(
            *scenario.boosts,
            *(
                Boost(parse(boost.filter, f"/boosts/{place}/filter", columns), boost.factor)
                for place, boost in enumerate(question.boosts)
            ),
            *(Fading(field, hours, now - now % MINUTE_MS) for field, hours in scenario.fading),
        ),
        exclude=frozenset([*question.exclude, *seen, *_hidden(scenario, question, placed)]),
        diversity=diversity,
        exploration=exploration,
    )


def _named(scenarios: Mapping[str, Scenario], name: str | None) -> Scenario:
    if name is None:
        return scenarios.get("default", _PLAIN)
    if name not in scenarios:
        known = ", ".join(sorted(scenarios)) or "none, for none is configured"
        raise InvalidRequest("/scenario", f"a configured scenario: {known}")
    return scenarios[name]


_PLAIN = Scenario()


def _first(asked: Any, otherwise: Any) -> Any:
    return otherwise if asked is None else asked


def _filter(scenario: Scenario, question: Question, columns: Columns) -> Filter | None:
    asked = None if question.filter is None else parse(question.filter, "/filter", columns)
    both = tuple(one for one in (scenario.filter, asked) if one is not None)
    return both[0] if len(both) == 1 else Every(both) if both else None


def _hidden(scenario: Scenario, question: Question, placed: PlacedWindow) -> Sequence[str]:
    listed = [
        item_id
        for name in scenario.exclude_listed_in
        if isinstance(items := placed.properties.get(name), list)
        for item_id in items
        if isinstance(item_id, str)
    ]
    if scenario.exclude_self and question.entity is not None:
        listed.append(question.entity.id)
    return listed
