"""`thaw data fetch`: public data to try things with."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from app.cli.console import examples, print_json, say, step

cli = typer.Typer(help="Fetch public data.", no_args_is_help=True)


class Known(StrEnum):
    ML_100K = "ml-100k"
    GROCERIES = "groceries"


def cache_directory() -> Path:
    """Where fetched data is kept: THAW_CACHE if set, else the user's cache directory."""
    named = os.environ.get("THAW_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("thaw")


def fetch_data(name: Known, directory: Path | None = None) -> Path:
    """The folder that holds data set `name`, fetched unless it is there. Raises `DataError`."""
    from app.cli import groceries, movielens

    source = {Known.ML_100K: movielens, Known.GROCERIES: groceries}[name]
    target = directory or cache_directory() / name
    if source.fetch(target, say):
        step("Terms of the data")
        say(source.TERMS)
    return target


@cli.command(epilog=examples("thaw data fetch", "thaw data fetch groceries --out groceries"))
def fetch(
    name: Annotated[Known, typer.Argument(help="Which data set.")] = Known.ML_100K,
    out: Annotated[
        Path | None, typer.Option(help="Where to; by default the user's cache directory.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Fetch public data, check it and convert it to the folder format of docs/data.md."""
    folder = fetch_data(name, out)
    if as_json:
        print_json({"name": name, "folder": folder})
    else:
        typer.echo(folder)
