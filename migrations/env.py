"""Runs migrations on a connection that the caller lends, or on one opened from the settings.

`thaw db upgrade` lends one; the `alembic` command line reads THAW_DATABASE__URL and THAW_NAMESPACE.
"""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from app.stores.database import DEFAULT_NAMESPACE, create_engine, writers
from app.stores.tables import EVENT_PARTITIONS, Base

PARTITIONS = frozenset(f"events_p{number:02d}" for number in range(EVENT_PARTITIONS))


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Partitions belong to their table; autogenerate must not see them as strangers."""
    return not (kind == "table" and name in PARTITIONS)


def migrate(connection: Connection) -> None:
    namespace: str = context.config.attributes.get("namespace") or os.environ.get(
        "THAW_NAMESPACE", DEFAULT_NAMESPACE
    )
    if connection.dialect.name == "postgresql":
        # one migrator at a time, and each namespace in a schema of its own
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('thaw-migrations'))"))
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"'))
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=is_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_migrate() -> None:
    engine = create_engine(
        os.environ.get("THAW_DATABASE__URL", "sqlite+aiosqlite:///var/thaw.db"),
        os.environ.get("THAW_NAMESPACE", DEFAULT_NAMESPACE),
    )
    async with writers(engine).begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


lent: Connection | None = context.config.attributes.get("connection")
if lent is not None:
    migrate(lent)
else:
    asyncio.run(connect_and_migrate())
