"""Single values, of a table or of JSON, as the columns understand them. Nothing here raises."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from math import isnan, nan

import polars as pl

LARGEST = 1e30
"""Numbers beyond count as missing, so that sums of squares stay finite."""

MOST_ELEMENTS = 256
"""What lies beyond in a list is not read."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_PYTHON_DATES_MS = (-62_135_000_000_000, 253_402_000_000_000)  # years 1 to 9999, bar some days
_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d")


def number(value: object) -> float:
    """NaN where there is none; text that looks like a number is text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return nan
    return float(value) if abs(value) <= LARGEST else nan


def day(value: object) -> float:
    """Days since 1970 of a date or of ISO 8601 text; NaN where there is none.

    >>> day("1970-01-02T12:00:00Z")
    1.5
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip()) if _DATE.match(value) else None
        except ValueError:
            return nan
    if not isinstance(value, date):
        return nan
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH).total_seconds() / _DAY


def label(value: object) -> str | None:
    """Text, number or truth value as a text, alike for 1, 1.0 and "1"; None for anything else."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float) or isnan(number(value)):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def labels(value: object) -> list[str]:
    """The different elements of a list, in order; text is split at "|".

    >>> labels("Drama|War"), labels(["War", 1, None]), labels(None)
    (['Drama', 'War'], ['War', '1'], [])
    """
    elements = value.split("|") if isinstance(value, str) else value
    if not isinstance(elements, list | tuple):
        return []
    found = map(label, elements[:MOST_ELEMENTS])
    return list(dict.fromkeys(one for one in found if one is not None))


def plain_values(column: pl.Series) -> Sequence[object]:
    """The values of a column of a table as JSON would hold them; dates stay dates."""
    if column.dtype.is_decimal():
        return [None if one is None else float(one) for one in column.to_list()]
    if column.dtype == pl.Duration:
        times = column.dt.total_microseconds().to_list()
        return [None if one is None else one / 1e6 for one in times]
    if column.dtype == pl.Date or column.dtype == pl.Datetime:  # noqa: PLR1714
        moments = column.cast(pl.Datetime("ms")).cast(pl.Int64)
        column = column.set(~moments.is_between(*_PYTHON_DATES_MS), None)
    return column.to_list()
