"""Read a folder of interactions, items and users; say what was dropped and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.dataset import Dataset, ReadReport
from models.data.signs import disliked
from models.data.tables import ID_BYTES, SUFFIXES, as_text, find_table, load_table
from models.errors import DataError

KEYS = ("user_id", "item_id")
VALUES = ("timestamp", "rating", "weight")
_LATEST_MS = 7_258_118_400_000  # the year 2200
_TO_THE_SECOND = "%Y-%m-%dT%H:%M:%S%.f"
_MOSTLY = 0.6
"""A part of the ratings below which dislikes are no surprise."""
_LAYOUT = (
    "the folder needs interactions.parquet or interactions.csv with the columns user_id and "
    "item_id (timestamp, rating and weight if you have them)"
)


def read(directory: Path) -> Dataset:
    """Read `interactions`, and `items` and `users` where they exist, as .parquet or .csv.

    Ids of any type become text. Timestamps may be seconds, milliseconds, microseconds or
    nanoseconds since 1970, dates, or ISO 8601 text. Of several rows of one (user, item) the first
    in time stays (the first in the file where there is no time).

    Raises:
        DataError: the files cannot be read, columns are missing, or too little is left to learn
            from; says what to do.
    """
    if not directory.is_dir():
        raise DataError(str(directory), "there is no such folder", _LAYOUT)
    path = find_table(directory, "interactions")
    if path is None:
        raise DataError(str(directory), "no interactions.parquet or interactions.csv", _LAYOUT)
    raw = load_table(path, KEYS, _LAYOUT, (*KEYS, *VALUES))
    log = _Log(notes=[])
    for name in ("interactions", "items", "users"):
        if all((directory / f"{name}{suffix}").is_file() for suffix in SUFFIXES):
            log.notes.append(f"{name}.parquet is read, {name}.csv is not")
    frame = _valid(raw, path, log)
    items = _side_table(directory, "items", "item_id", frame, log)
    users = _side_table(directory, "users", "user_id", frame, log)
    user_ids = frame["user_id"].unique().sort()
    in_table = items["item_id"] if items is not None else pl.Series("item_id", [], pl.String)
    item_ids = pl.concat([frame["item_id"], in_table]).unique().sort()
    rows = _fold(_indexed(frame, user_ids, item_ids), log)
    report = ReadReport(raw.height, rows.height, log.dropped, tuple(log.notes))
    _check_enough(rows, path, report)
    user = rows["user"].to_numpy()
    item = rows["item"].to_numpy()
    timestamp = rows["timestamp"].to_numpy() if "timestamp" in rows.columns else None
    rating = rows["rating"].to_numpy() if "rating" in rows.columns else None
    weight = rows["weight"].to_numpy() if "weight" in rows.columns else None
    told = (
        (user, item, timestamp, rating)
        if weight is None
        else (user, item, timestamp, rating, weight)
    )
    dislikes = disliked(rating, weight)
    if dislikes is not None and weight is None and dislikes.mean() > _MOSTLY:
        report = replace(report, notes=(*report.notes, _mostly_disliked(float(dislikes.mean()))))
    return Dataset(
        name=directory.resolve().name,
        user_ids=tuple(user_ids),
        item_ids=tuple(item_ids),
        user=user,
        item=item,
        timestamp=timestamp,
        rating=rating,
        disliked=dislikes,
        items=items,
        users=users,
        fingerprint=_fingerprint(user_ids, item_ids, told),
        report=report,
    )


@dataclass(slots=True)
class _Log:
    notes: list[str]
    dropped: dict[str, int] = field(default_factory=dict)

    def keep(self, frame: pl.DataFrame, rule: pl.Expr, otherwise: str) -> pl.DataFrame:
        kept = frame.filter(rule)
        if kept.height < frame.height:
            self.dropped[otherwise] = frame.height - kept.height
        return kept


def _valid(raw: pl.DataFrame, path: Path, log: _Log) -> pl.DataFrame:
    frame = raw
    for name in ("user_id", "item_id"):
        frame = frame.with_columns(as_text(frame[name], path))
        frame = log.keep(frame, _present(name), f"no {name}")
        short = pl.col(name).str.len_bytes() <= ID_BYTES
        frame = log.keep(frame, short, f"{name} longer than {ID_BYTES} bytes")
    for name, parse, fault in (
        ("timestamp", _milliseconds, "timestamp missing or out of range"),
        ("rating", _numbers, "rating missing or not a number"),
        ("weight", _weights, "weight missing, 0 or not a number"),
    ):
        if name not in frame.columns:
            continue
        parsed = parse(_plain(frame[name], path))
        if parsed.null_count() == frame.height:
            log.notes.append(f"column {name!r} ignored: it holds no usable value")
            frame = frame.drop(name)
        else:
            frame = log.keep(frame.with_columns(parsed), pl.col(name).is_not_null(), fault)
    return frame


def _plain(values: pl.Series, path: Path) -> pl.Series:
    """Raises DataError where no cell of such a type can be a number or a time."""
    dtype = values.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return values.cast(pl.String)
    is_moment = isinstance(dtype, pl.Date | pl.Datetime)
    if isinstance(dtype, pl.String | pl.Null) or dtype.is_numeric():
        return values
    if (values.name == "timestamp" and is_moment) or (
        values.name != "timestamp" and dtype == pl.Boolean
    ):
        return values
    expected = "dates, times since 1970 or ISO 8601" if values.name == "timestamp" else "numbers"
    raise DataError(str(path), f"column {values.name!r} is {dtype}", f"{expected} are expected")


def _indexed(frame: pl.DataFrame, user_ids: pl.Series, item_ids: pl.Series) -> pl.DataFrame:
    """`user` and `item` instead of the ids, in the order of `frame`."""
    lazy = frame.lazy()
    for ids, name in ((user_ids, "user"), (item_ids, "item")):
        index = ids.to_frame().with_row_index(name).with_columns(pl.col(name).cast(pl.Int32))
        lazy = lazy.join(index.lazy(), on=ids.name, maintain_order="left").drop(ids.name)
    return lazy.collect()


def _fold(rows: pl.DataFrame, log: _Log) -> pl.DataFrame:
    """One row per (user, item), the first, sorted by them."""
    keys = [name for name in ("user", "item", "timestamp") if name in rows.columns]
    repeat = pl.col("user").eq(pl.col("user").shift()) & pl.col("item").eq(pl.col("item").shift())
    ordered = rows.sort(keys, maintain_order=True)
    return log.keep(ordered, ~repeat.fill_null(value=False), "repeat of the same user and item")


def _present(name: str) -> pl.Expr:
    return pl.col(name).is_not_null() & (pl.col(name) != "")


def _milliseconds(times: pl.Series) -> pl.Series:
    """int64 milliseconds, null where unusable. The unit is told from the size of the median."""
    if times.dtype.is_temporal():
        moments = times.cast(pl.Datetime("ms"), strict=False).cast(pl.Int64)
    else:
        numbers = times.cast(pl.Float64, strict=False)
        size = numbers.filter(numbers.is_finite()).abs().median()
        size = size if isinstance(size, float) else 0.0
        to_ms = 1e3 if size < 1e11 else 1.0 if size < 1e14 else 1e-3 if size < 1e17 else 1e-6
        moments = (numbers * to_ms).round().cast(pl.Int64, strict=False)
        if times.dtype == pl.String:
            written = _iso_8601(times).cast(pl.Int64)
            moments = moments.zip_with(moments.is_not_null(), written)
    return moments.set(~moments.is_between(0, _LATEST_MS), None).alias(times.name)


def _iso_8601(texts: pl.Series) -> pl.Series:
    """Datetimes in milliseconds; what names no zone is UTC. Each cell is read for itself."""
    plain = pl.col("text").str.strip_chars().str.replace(" ", "T", literal=True)
    zoned = plain.str.replace(r"[Zz]$", "+00:00")
    moment = pl.Datetime("ms", "UTC")
    read = [
        zoned.str.to_datetime(f"{_TO_THE_SECOND}%:z", time_unit="ms", strict=False),
        *(
            plain.str.strptime(pl.Datetime("ms"), pattern, strict=False).dt.replace_time_zone("UTC")
            for pattern in (_TO_THE_SECOND, "%Y-%m-%dT%H:%M")
        ),
        plain.str.to_date("%Y-%m-%d", strict=False).cast(moment),
    ]
    return texts.alias("text").to_frame().select(pl.coalesce(read).alias(texts.name)).to_series()


def _numbers(values: pl.Series) -> pl.Series:
    numbers = values.cast(pl.Float32, strict=False)
    return numbers.set(~numbers.is_finite(), None)


def _weights(values: pl.Series) -> pl.Series:
    numbers = _numbers(values)
    return numbers.set(numbers == 0, None)


def _side_table(
    directory: Path, table: str, key: str, interactions: pl.DataFrame, log: _Log
) -> pl.DataFrame | None:
    path = find_table(directory, table)
    if path is None:
        return None
    noun = table.removesuffix("s")
    layout = f"a table of {table} needs a column {key}, and a row for each {noun}"
    frame = load_table(path, (key,), layout)
    frame = frame.with_columns(as_text(frame[key], path))
    known = frame.filter(_present(key) & (pl.col(key).str.len_bytes() <= ID_BYTES))
    first = known.unique(key, keep="first", maintain_order=True).sort(key)
    for count, what in (
        (frame.height - known.height, f"without a usable {key}"),
        (known.height - first.height, f"that repeat the {key}"),
    ):
        if count:
            log.notes.append(f"{path.name}: ignored {count:,} rows {what}")
    met = interactions[key].unique()
    described = int(met.is_in(first[key].implode()).sum())
    if described < met.len() / 2:
        same = "" if described else "; are its ids those of the interactions?"
        told = f"{described:,} of the {met.len():,} {table} of the interactions"
        log.notes.append(f"{path.name} describes {told}{same}")
    return first


def _check_enough(rows: pl.DataFrame, path: Path, report: ReadReport) -> None:
    users, items = rows["user"].n_unique(), rows["item"].n_unique()
    if rows.is_empty():
        lacking = "no interactions are left", "some that name a user and an item are needed"
    elif users < 2:
        lacking = "all interactions are of one user", "at least two are needed"
    elif items < 2:
        lacking = "all interactions are with one item", "at least two are needed"
    elif rows.height == users:
        lacking = (
            "every user has a single item",
            "to learn, some users need two or more different items",
        )
    else:
        return
    reason, advice = lacking
    raise DataError(str(path), reason, f"{advice}; {report}")


def _mostly_disliked(part: float) -> str:
    return (
        f"{part:.0%} of the ratings count as dislikes, being low on their scale; if they are "
        "counts or amounts, name the column otherwise"
    )


def _fingerprint(
    user_ids: pl.Series, item_ids: pl.Series, columns: Iterable[NDArray[np.generic] | None]
) -> str:
    digest = blake2b(digest_size=16)
    for ids in (user_ids, item_ids):
        for part in (ids.str.len_bytes().to_numpy().tobytes(), "".join(ids).encode()):
            digest.update(part)
    for column in columns:
        digest.update(b"-" if column is None else column.dtype.str.encode() + column.tobytes())
    return digest.hexdigest()
