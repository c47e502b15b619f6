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


@cli.command()
def scrub() -> None:
    """Rewrite what deleted rows leave behind, so that erased people are nowhere on the disk.

    Locks each table while it is rewritten: call it when few are about. It takes minutes for many
    million events. Backups, and PostgreSQL's own log until it is recycled, are not its business.
    """
    asyncio.run(_scrub(load_settings()))


async def _scrub(settings: Settings) -> None:
    from app.stores.redis import connect
    from app.stores.scrub import scrub_database, scrub_redis

    await scrub_database(settings.database.url, settings.namespace)
    say("the database holds nothing of deleted rows any more")
    if settings.redis.url == "embedded":
        say("the embedded Valkey keeps no file while it runs")
        return
    redis = connect(settings.redis.url, settings.redis.timeout_ms)
    try:
        rewrites = await scrub_redis(redis)
    finally:
        await redis.close()
    say("Redis rewrites its append-only file now" if rewrites else "Redis has no append-only file")


@cli.command()
def purge() -> None:
    """Delete all events older than the retention now, those too that were imported as history.

    The service deletes by itself what becomes too old. `thaw db scrub` clears the disk of it.
    """
    say(f"{asyncio.run(_purge(load_settings())):,} events deleted")


async def _purge(settings: Settings) -> int:
    from app.cli.history import open_stores
    from app.services.import_history import forget
    from app.stores.activation import now_ms

    until = now_ms() - settings.events.retention_days * 86_400_000
    events = 0
    async with open_stores(settings) as stores:
        while True:
            purged = await stores.retention.purge(until, imported=True)
            events += purged.events
            if stores.support is not None:
                await forget(stores.log, stores.support, purged.positions)
            if purged.done:
                return events


def upgrade_database(settings: Settings) -> None:
    """Raises `StorageUnavailable`."""
    from app.stores import schema

    asyncio.run(schema.upgrade(settings.database.url, settings.namespace))
    say("the database is up to date")
