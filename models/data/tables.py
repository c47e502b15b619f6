"""Tables on disk: finding and loading them, and ids as text."""

from pathlib import Path

import polars as pl

from models.errors import DataError

ID_BYTES = 256
SUFFIXES = (".parquet", ".csv")
_WHOLE = r"^(0|[1-9]\d*)\.0$"
_ZEROS_IN_FRONT = r"^0\d"


def find_table(directory: Path, name: str) -> Path | None:
    paths = (directory / f"{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def load_table(
    path: Path, required: tuple[str, ...], layout: str, columns: tuple[str, ...] | None = None
) -> pl.DataFrame:
    """The table at `path`, only `columns` of it if given; ids of a CSV stay the text they are.

    Raises:
        DataError: it cannot be read, is empty, or lacks a column of `required`; `layout` says what
            is expected.
    """
    is_csv = path.suffix == ".csv"
    try:
        header = pl.scan_csv(path, infer_schema=False) if is_csv else pl.scan_parquet(path)
        names = header.collect_schema().names()
        missing = [name for name in required if name not in names]
        if missing:
            raise DataError(
                str(path),
                f"no column {' and no column '.join(map(repr, missing))}",
                f"it has {', '.join(map(repr, names)) or 'no columns'}; rename, or add what is "
                "missing",
            )
        if columns is not None:
            return header.select([name for name in columns if name in names]).collect()
        if is_csv:
            texts = dict.fromkeys(required, pl.String())
            frame = pl.read_csv(path, schema_overrides=texts, infer_schema_length=None)
            return frame.with_columns(_with_zeros_in_front(header, frame))
        return header.collect()
    except pl.exceptions.NoDataError:
        raise DataError(str(path), "the file is empty", layout) from None
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        kind = "UTF-8 CSV with a header line" if is_csv else "Parquet"
        raise DataError(str(path), reason, f"the file must be {kind}") from error


def _with_zeros_in_front(written: pl.LazyFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Of the columns read as numbers those that are text: "07" is no number."""
    numeric = [name for name, dtype in read.schema.items() if dtype.is_integer()]
    texts = written.select(numeric).collect()
    return texts.select(column for column in texts if column.str.contains(_ZEROS_IN_FRONT).any())


def as_text(ids: pl.Series, path: Path) -> pl.Series:
    """Ids of any plain type as text: 1, 1.0 and "1" are one id. Raises DataError for others.

    So are "1.0" and 1, where all of a column are written so.
    """
    if ids.dtype.is_nested() or ids.dtype == pl.Binary:
        raise DataError(str(path), f"column {ids.name!r} is {ids.dtype}", "ids must be plain")
    if ids.dtype.is_float():
        whole = ids.cast(pl.Int64, strict=False)
        is_whole = (whole.cast(ids.dtype) == ids).fill_null(value=False)
        return whole.cast(pl.String).zip_with(is_whole, ids.cast(pl.String))
    texts = ids.cast(pl.String, strict=False)
    if texts.str.contains(_WHOLE).all():
        return texts.str.strip_suffix(".0")  # what pandas writes of a column that lacked one
    return texts
