"""`thaw db`: bring the database to what this version of the code expects."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from app.cli.console import load_settings, say
from app.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

cli = typer.Typer(help="Migrate the database; check the migrations.", no_args_is_help=True)


@cli.command()
def upgrade() -> None:
    """Run all migrations that the database lacks."""
    upgrade_database(load_settings())


@cli.command()
def check() -> None:
    """See that the migrations, run on an empty SQLite file, give exactly the tables of the code."""
    from alembic import command
    from alembic.util import CommandError

    with TemporaryDirectory() as directory:
        config = _config(f"sqlite+aiosqlite:///{directory}/check.db", "thaw")
        command.upgrade(config, "head")
        try:
            command.check(config)
        except CommandError as error:
            raise typer.Exit(2) from error


def upgrade_database(settings: Settings) -> None:
    """Raises `StorageUnavailable`."""
    from alembic import command

    command.upgrade(_config(settings.database.url, settings.namespace), "head")
    say("the database is up to date")


def _config(url: str, namespace: str) -> "Config":
    from alembic.config import Config

    import migrations

    config = Config(attributes={"url": url, "namespace": namespace})
    config.set_main_option("script_location", str(Path(next(iter(migrations.__path__)))))
    return config
