"""Random keys that all replicas share, kept in SQL by name."""

import secrets

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.stores.database import Database
from app.stores.statements import BulkInsert
from app.stores.tables import SecretRow

_PUT = BulkInsert(SecretRow, "ON CONFLICT DO NOTHING")


async def find_secret(connection: AsyncConnection, name: str) -> bytes | None:
    """32 bytes; None where nobody has made that secret yet."""
    rows = select(SecretRow.value).where(SecretRow.name == name)
    value = (await connection.execute(rows)).scalar_one_or_none()
    return None if value is None else bytes.fromhex(value)


async def make_secret(connection: AsyncConnection, name: str) -> bytes:
    """The secret of that name, made now if there is none; 32 bytes."""
    await _PUT.run(connection, [(name, secrets.token_hex(32))])
    found = await find_secret(connection, name)
    assert found is not None
    return found


class SigningKey:
    """Signs request ids. Until `share` has succeeded it is this process's own, so that answers need
    no database; what it has signed by then is nobody's proof.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shared = False
        self.value = secrets.token_bytes(32)

    async def share(self) -> None:
        """From here on it is that of all replicas. Raises `StorageUnavailable`."""
        if self._shared:
            return
        async with self._database.glance() as connection:
            found = await find_secret(connection, "request_ids")
        if found is None:
            async with self._database.write() as connection:
                found = await make_secret(connection, "request_ids")
        self.value, self._shared = found, True
