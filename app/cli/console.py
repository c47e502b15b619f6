"""How commands speak: results to standard output, progress and complaints to standard error."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from app.errors import StorageUnavailable, WeightsRejected
from app.settings import Settings
from models.errors import UnknownAlgorithm, WeightsError
from models.progress import OnProgress, seldom

EXIT_CODES = """[b]Exit codes[/b]
0 done
1 a fault in Thaw
2 something to mend, named
130 interrupted"""


def examples(*commands: str) -> str:
    """The end of a command's help."""
    return "\n".join(("[b]Examples[/b]", *(f"  {command}" for command in commands)))


out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

NEXT_STEPS: Mapping[type[Exception], str] = {
    StorageUnavailable: "`thaw settings` shows its address; a new database needs `thaw db upgrade`",
    WeightsError: "`thaw weights list` shows the versions that can be used",
    WeightsRejected: "`thaw weights list` shows the versions that can be used",
    UnknownAlgorithm: "pass one of them with --algorithm",
}


def complain(sentence: str, next_step: str | None = None) -> None:
    err.print(sentence, style="red", markup=False, highlight=False)
    if next_step:
        err.print(next_step, markup=False, highlight=False)


def say(sentence: str) -> None:
    err.print(sentence, markup=False, highlight=False)


def step(title: str) -> None:
    err.print(f"\n{title}", style="bold", markup=False, highlight=False)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


def progress_bar(*more: TextColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *more,
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
    )


@contextmanager
def showing_parts(title: str) -> Iterator[OnProgress]:
    """Show what is told of the parts of a whole, with the time left: a bar, or lines of a log."""
    if not err.is_terminal:
        yield seldom(lambda what, done: say(f"{done:4.0%} {what}"))
        return
    columns = TaskProgressColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
    # parts differ in pace, so the last minutes say more of the rest than the last seconds
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=err,
        speed_estimate_period=600,
    ) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)
        bar.update(task, description=title, completed=1.0)


def load_settings() -> Settings:
    try:
        return Settings()
    except ValueError as error:
        raise typer.BadParameter(
            f"a THAW_ environment variable is not acceptable: {error}"
        ) from error


def folder_to_write(path: Path) -> Path:
    """Checks an option before work begins that would be lost. Raises `typer.BadParameter`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written to")
    return path


def file_to_write(path: Path | None) -> Path | None:
    """The same for a file; makes its folder."""
    if path is not None:
        folder_to_write(path.absolute().parent)
        if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
            raise typer.BadParameter(f"{path} is not a file that can be written to")
    return path


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `5m`, `1h30m`.

    >>> seconds("1h30m"), seconds("90"), seconds("1.5m")
    (5400.0, 90.0, 90.0)
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms]?)", text)
    total = sum(float(number) * units[unit] for number, unit in parts)
    if "".join(map("".join, parts)) != text or not total:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 5m or 1h30m")
    return total
