"""Which meta-weights all replicas should serve, and which replicas there are."""

import time
from dataclasses import dataclass

from sqlalchemy import delete, select

from app.stores.database import Database
from app.stores.statements import insert_into
from app.stores.tables import ActivationRow, ReplicaRow

FORGET_REPLICA_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Replica:
    """`seen_at` in milliseconds since 1970."""

    replica_id: str
    version: str | None
    epoch: int
    seen_at: int


class Activation:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.told_epoch = -1
        """That of the last heartbeat."""

    async def desired(self) -> tuple[str | None, str | None]:
        """The version to serve and the one before it."""
        async with self._database.glance() as connection:
            row = (await connection.execute(select(ActivationRow))).one_or_none()
        return (row.version, row.previous) if row else (None, None)

    async def activate(self, version: str, serving: str | None = None) -> None:
        """Wants `version` from now on. The one wanted so far becomes the previous one, or
        `serving`, the one that is served, where nobody has wanted any.
        """
        async with self._database.write() as connection:
            statement = insert_into(connection, ActivationRow)
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[ActivationRow.id],
                    set_={"version": version, "previous": ActivationRow.version},
                    where=ActivationRow.version != version,
                ),
                {"id": 1, "version": version, "previous": serving if serving != version else None},
            )

    async def adopt(self, version: str) -> None:
        """Wants `version` from now on, unless some version is wanted already."""
        async with self._database.write() as connection:
            await connection.execute(
                insert_into(connection, ActivationRow).on_conflict_do_nothing(),
                {"id": 1, "version": version, "previous": None},
            )

    async def heartbeat(self, replica_id: str, version: str | None, epoch: int) -> None:
        now = now_ms()
        async with self._database.write() as connection:
            statement = insert_into(connection, ReplicaRow)
            facts = {"version": version, "epoch": epoch, "seen_at": now}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[ReplicaRow.replica_id], set_=facts),
                {"replica_id": replica_id, **facts},
            )
            await connection.execute(
                delete(ReplicaRow).where(ReplicaRow.seen_at < now - FORGET_REPLICA_MS)
            )
        self.told_epoch = epoch

    async def leave(self, replica_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(ReplicaRow).where(ReplicaRow.replica_id == replica_id))

    async def replicas(self, max_age_seconds: float) -> list[Replica]:
        oldest = now_ms() - int(max_age_seconds * 1000)
        rows = (
            select(ReplicaRow).where(ReplicaRow.seen_at >= oldest).order_by(ReplicaRow.replica_id)
        )
        async with self._database.read() as connection:
            return [
                Replica(row.replica_id, row.version, row.epoch, row.seen_at)
                for row in await connection.execute(rows)
            ]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
