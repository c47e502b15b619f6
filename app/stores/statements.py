"""What both databases have and SQLAlchemy's common ground lacks."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.tables import Base

CHUNK = 1_000
"""Rows or keys a statement, well below every limit on parameters."""

Inserting: TypeAlias = postgresql.Insert | sqlite.Insert
T = TypeVar("T")


def insert_into(connection: AsyncConnection, row: type[Base]) -> Inserting:
    """An INSERT that knows ON CONFLICT. Add `returning`, and many rows go as one statement."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(row)
    return sqlite.insert(row)


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
