"""`thaw db`: bring the database to what this version of the code expects."""

import asyncio
from tempfile import TemporaryDirectory

import typer

from app.cli.console import complain, load_settings, say
from app.settings import Settings

cli = typer.Typer(help="Migrate the database; check the migrations.", no_args_is_help=True)


@cli.command()
def upgrade() -> None:
    """Run all migrations that the database lacks."""
    upgrade_database(load_settings())


@cli.command()
def check() -> None:
    """See that the migrations, run on an empty SQLite file, give exactly the tables of the code."""
    from alembic.util import CommandError

    from app.stores import schema

    with TemporaryDirectory() as directory:
        url = f"sqlite+aiosqlite:///{directory}/check.db"
        asyncio.run(schema.upgrade(url, "thaw"))
        try:
            asyncio.run(schema.check(url, "thaw"))
        except CommandError as error:
            complain(str(error), "write a migration: `alembic revision --autogenerate -m WHAT`")
            raise typer.Exit(2) from error
    say("the migrations give the tables of the code")


def upgrade_database(settings: Settings) -> None:
    """Raises `StorageUnavailable`."""
    from app.stores import schema

    asyncio.run(schema.upgrade(settings.database.url, settings.namespace))
    say("the database is up to date")
