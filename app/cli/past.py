"""A folder of data as the nouns of the service: items, users and events."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import polars as pl

from app.domain import Entity, Event, Item, Namespace, User
from app.services.import_history import past_event
from app.services.ingest import EventDraft
from app.settings import EventSettings
from models.data import Dataset
from models.errors import DataError


def items_of(dataset: Dataset) -> Iterator[Item]:
    """Every item, with the columns of the items table as its properties."""
    described = set[str]()
    for row in _rows(dataset.items):
        item_id = str(row.pop("item_id"))
        described.add(item_id)
        yield Item(item_id, _properties(row))
    yield from (Item(item_id) for item_id in dataset.item_ids if item_id not in described)


def users_of(dataset: Dataset) -> Iterator[User]:
    """The users of the users table, with its columns as their properties."""
    for row in _rows(dataset.users):
        yield User(str(row.pop("user_id")), _properties(row))


def events_of(
    dataset: Dataset, rules: EventSettings, type_: str, now: int, *, first: int = 0
) -> Iterator[Event]:
    """The interactions from row `first` on: a `rating` where there are ratings, else a `type_`.

    Raises:
        DataError: the settings know no such type, or allow no such ratings.
    """
    ratings = dataset.rating
    if ratings is not None:
        type_ = "rating"
        low, high = rules.rating_range
        if len(ratings) and not low <= ratings.min() <= ratings.max() <= high:
            raise DataError(
                dataset.name,
                f"ratings from {ratings.min():g} to {ratings.max():g}, allowed are {low:g} to "
                f"{high:g}",
                "set THAW_EVENTS__RATING_RANGE, such as [0.5, 5]",
            )
    if type_ not in rules.weights:
        known = ", ".join(sorted(rules.weights))
        raise DataError(dataset.name, f"unknown event type {type_!r}", f"pass one of {known}")
    return _events(dataset, rules, type_, now, first)


def _events(
    dataset: Dataset, rules: EventSettings, type_: str, now: int, first: int
) -> Iterator[Event]:
    times, ratings = dataset.timestamp, dataset.rating
    for n in range(first, len(dataset.user)):
        draft = EventDraft(
            type=type_,
            entity=Entity(Namespace.USER, dataset.user_ids[dataset.user[n]]),
            item_id=dataset.item_ids[dataset.item[n]],
            timestamp=None if times is None else int(times[n]),
            value=None if ratings is None else float(ratings[n]),
        )
        yield past_event(draft, rules.weights[type_], rules.rating_range, now)


def _rows(table: pl.DataFrame | None) -> Iterator[dict[str, Any]]:
    return iter(()) if table is None else table.iter_rows(named=True)


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain for name, value in row.items() if (plain := _plain(value)) is not None}


def _plain(value: Any) -> Any:
    """What JSON can hold, or None."""
    plain: Any = None
    match value:
        case bool() | int() | str():
            plain = value
        case float() | Decimal():
            plain = float(value) if isfinite(value) else None
        case date() | time():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case list():
            plain = [_plain(one) for one in value]
        case dict():
            plain = _properties(value)
    return plain
