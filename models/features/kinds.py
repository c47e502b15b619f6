"""Tell from a column's type and content of which kind it is."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from polars.datatypes import DataType, DataTypeClass

from models.features.parsing import day, label, number

Kind: TypeAlias = Literal["number", "date", "category", "list", "text"]

_SAMPLE = 10_000
_MOST_VALUES_OF_A_QUANTITY = 128  # an age or a percentage has fewer
_CODE_NAME = re.compile(r"(^|_)(id|code|zip)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{2,}")
_JOINED_LIST = re.compile(r"[^\s|]\|[^\s|]")


def kind_of(column: pl.Series, values: Sequence[object], min_count: int) -> Kind | None:
    """None if the type cannot be used. `values` are those of the column in Python's types."""
    dtype = column.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return "list" if _are_labels(dtype.inner) else None
    if dtype.is_numeric():
        return "category" if _are_codes(column.name, values) else "number"
    if dtype == pl.Date or dtype == pl.Datetime:  # noqa: PLR1714  (a set would tell them apart)
        return "date"
    if dtype == pl.Duration:
        return "number"
    if dtype == pl.String:
        return _kind_of_strings([value for value in map(label, values) if value], min_count)
    return "category" if _are_labels(dtype) else None


def _are_labels(dtype: DataType | DataTypeClass) -> bool:
    plain = dtype in {pl.String, pl.Boolean, pl.Categorical, pl.Enum}
    return plain or dtype.is_integer() or dtype.is_float()


def _are_codes(name: str, values: Sequence[object]) -> bool:
    """Whole numbers that name something: by the column's name, or since they fill 0..n or 1..n."""
    numbers = np.array([number(value) for value in values], np.float64)
    present = numbers[~np.isnan(numbers)]
    if not len(present) or (present != present.round()).any():
        return False
    if _CODE_NAME.search(name):
        return True
    distinct = np.unique(present)
    span = distinct[-1] - distinct[0] + 1
    repeats = len(present) >= 2 * len(distinct)
    dense = distinct[0] in {0, 1} and span <= 1.1 * len(distinct)
    return bool(repeats and dense and len(distinct) > _MOST_VALUES_OF_A_QUANTITY)


def _kind_of_strings(texts: list[str], min_count: int) -> Kind:
    sample = texts[:: -(-len(texts) // _SAMPLE) or 1]

    def share(fits: Sequence[bool]) -> float:
        return sum(fits) / max(len(fits), 1)

    if share([not np.isnan(day(text)) for text in sample]) > 0.95:
        return "date"
    if share([_JOINED_LIST.search(text) is not None for text in sample]) > 0.2:
        return "list"
    words = sum(len(_WORD.findall(text)) for text in sample) / max(len(sample), 1)
    counts = Counter(texts)
    covered = sum(count for count in counts.values() if count >= max(min_count, 2))
    rare = covered < len(texts) / 2
    prose = words >= 5 and len(counts) > 100
    return "text" if words >= 1 and (rare or prose) else "category"
