"""`thaw export`: the service's own log as a folder that `thaw train` reads."""

import asyncio
import secrets
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import load_settings, print_json, say
from app.settings import Settings

TABLES = ("interactions", "items", "users")


@dataclass(frozen=True, slots=True)
class Exported:
    """Rows of each table."""

    interactions: int
    items: int
    users: int


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the tables into.")],
    pseudonyms: Annotated[
        bool,
        typer.Option(
            "--pseudonyms",
            help="Replace user ids by keyed hashes and leave out what is known of users.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Write what the service has seen as a folder of tables (docs/data.md) to train on."""
    out.mkdir(parents=True, exist_ok=True)
    exported = asyncio.run(export_folder(load_settings(), out, pseudonyms=pseudonyms))
    say(
        f"{exported.interactions:,} interactions, {exported.items:,} items and "
        f"{exported.users:,} users written to {out}"
    )
    if as_json:
        print_json(asdict(exported))


async def export_folder(settings: Settings, out: Path, *, pseudonyms: bool) -> Exported:
    """Write the tables aside, inside `out`, and put them in place when all are complete.

    Raises:
        DataError: no event in the log teaches anything.
        StorageUnavailable: the database cannot be reached.
    """
    from app.cli.exported_tables import write_interactions, write_items, write_users
    from app.services.export_history import hashed_name, plain_name
    from app.stores.database import Database
    from models.errors import DataError

    naming = hashed_name(pseudonym_key(settings.state)) if pseudonyms else plain_name
    database = await Database.open(settings.database.url, settings.namespace)
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as aside:
            folder = Path(aside)
            interactions = await write_interactions(database, folder, naming)
            if not interactions:
                reason, advice = "no event teaches anything", "send events, or import a history"
                raise DataError("the event log", reason, advice)
            items = await write_items(database, folder)
            users = 0 if pseudonyms else await write_users(database, folder, naming)
            _put_in_place(folder, out)
    finally:
        await database.close()
    return Exported(interactions, items, users)


def pseudonym_key(state: Path) -> bytes:
    """Kept in STATE/pseudonyms.key, so that a person is called the same in every export."""
    path = state / "pseudonyms.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())


def _put_in_place(folder: Path, out: Path) -> None:
    """Replace what an earlier export left; a table that is empty now goes."""
    for name in TABLES:
        written, target = folder / f"{name}.parquet", out / f"{name}.parquet"
        if written.exists():
            written.replace(target)
        else:
            target.unlink(missing_ok=True)
