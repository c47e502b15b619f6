"""Fetched data on disk, in the folder format of docs/data.md."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl

TERMS = "TERMS.txt"


def write_folder(tables: Mapping[str, pl.DataFrame], terms: str, directory: Path) -> None:
    """Write tables and terms aside, then rename: `directory` is whole or not there."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".fetching-") as temporary:
        aside = Path(temporary) / "whole"
        aside.mkdir()
        for name, frame in tables.items():
            frame.write_parquet(aside / f"{name}.parquet")
        (aside / TERMS).write_text(terms)
        aside.rename(directory)
