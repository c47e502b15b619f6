"""Statements for many rows at once, in what both databases understand.

SQLAlchemy spends most of an append on binding rows one by one, so these go past its compiler:
SQLite takes one long VALUES list, PostgreSQL one array for each column.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import JSON, BigInteger, Boolean, Float, Row, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import KeyedColumnElement

from app.stores.tables import Base

CHUNK = 1_000
"""Rows or keys a statement, well below every limit on parameters."""

Inserting: TypeAlias = postgresql.Insert | sqlite.Insert
Value: TypeAlias = str | float | int | bool | None
T = TypeVar("T")

_ARRAYS: Mapping[type, str] = {
    Text: "text[]",
    JSON: "text[]",
    BigInteger: "bigint[]",
    Float: "double precision[]",
    Boolean: "boolean[]",
}


@dataclass(frozen=True)
class BulkInsert:
    """INSERT of tuples in the order of the table's columns; JSON is given as text.

    `tail` is what follows the rows: ON CONFLICT and RETURNING, the same words on both databases.
    """

    row: type[Base]
    tail: str = ""

    async def run(
        self, connection: AsyncConnection, rows: Sequence[tuple[Value, ...]]
    ) -> list[Row[*tuple[str | int, ...]]]:
        """Inserts in the order of `rows` and returns what RETURNING asks for."""
        returned: list[Row[*tuple[str | int, ...]]] = []
        for chunk in chunks(rows):
            if connection.dialect.name == "postgresql":
                columns = tuple(list(column) for column in zip(*chunk, strict=True))
                result = await connection.exec_driver_sql(self._unnest, columns)
            else:
                flat = tuple(value for row in chunk for value in row)
                result = await connection.exec_driver_sql(self._values(len(chunk)), flat)
            if result.returns_rows:
                returned += result.all()
        return returned

    @cached_property
    def _columns(self) -> Sequence[KeyedColumnElement[Any]]:
        return list(self.row.__table__.columns)

    @cached_property
    def _into(self) -> str:
        return f"INSERT INTO {self.row.__tablename__} ({self._names})"

    @cached_property
    def _names(self) -> str:
        return ", ".join(f'"{column.name}"' for column in self._columns)

    def _values(self, rows: int) -> str:
        row = f"({', '.join('?' * len(self._columns))})"
        return f"{self._into} VALUES {', '.join([row] * rows)} {self.tail}"

    @cached_property
    def _unnest(self) -> str:
        arrays = ", ".join(
            f"${number}::{_array(column)}" for number, column in enumerate(self._columns, 1)
        )
        selected = ", ".join(
            f'"{column.name}"' + ("::json" if isinstance(column.type, JSON) else "")
            for column in self._columns
        )
        source = f"SELECT {selected} FROM unnest({arrays})"  # noqa: S608 - names of our own
        return f"{self._into} {source} AS given ({self._names}) {self.tail}"


def _array(column: KeyedColumnElement[Any]) -> str:
    return next(array for kind, array in _ARRAYS.items() if isinstance(column.type, kind))


def insert_into(connection: AsyncConnection, row: type[Base]) -> Inserting:
    """An INSERT of one row that knows ON CONFLICT."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(row)
    return sqlite.insert(row)


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
