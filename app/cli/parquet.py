"""Parquet files of any length in bounded memory: written in parts, joined as a stream."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

PART = 100_000
"""Rows held in memory."""


class ParquetTable:
    """A table that grows by rows and becomes `FOLDER/NAME.parquet`, unless it stays empty.

    Args:
        folder: where the parts lie meanwhile, too.
        name: of the table.
        schema: column -> type.
    """

    def __init__(self, folder: Path, name: str, schema: Mapping[str, pl.DataType]) -> None:
        self._folder, self._name, self._schema = folder, name, dict(schema)
        self._rows: list[tuple[object, ...]] = []
        self._parts: list[Path] = []
        self._height = 0

    def add(self, row: tuple[object, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= PART:
            self._write_part()

    def finish(self) -> int:
        """Joins the parts; returns the number of rows."""
        if self._rows:
            self._write_part()
        if self._parts:
            path = self._folder / f"{self._name}.parquet"
            pl.scan_parquet(self._parts).sink_parquet(path, compression="zstd")
        for part in self._parts:
            part.unlink()
        return self._height

    def _write_part(self) -> None:
        part = self._folder / f"{self._name}.{len(self._parts):06}.part"
        pl.DataFrame(self._rows, self._schema, orient="row").write_parquet(part)
        self._parts.append(part)
        self._height += len(self._rows)
        self._rows = []
