"""How far each change of meta-weights has come, for whoever did not wait for the answer."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import delete, select

from app.stores.activation import now_ms
from app.stores.database import Database
from app.stores.statements import insert_into
from app.stores.tables import ReloadRow

KEPT_MS = 7 * 24 * 3600 * 1000

Stage: TypeAlias = Literal["verifying", "comparing", "swapping", "agreeing", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Reload:
    """Times in milliseconds since 1970."""

    reload_id: str
    stage: str
    version: str | None
    error: str | None
    started_at: int
    changed_at: int


class Reloads:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self,
        reload_id: str,
        stage: Stage,
        version: str | None = None,
        error: str | None = None,
    ) -> None:
        """Raises `StorageUnavailable`."""
        now = now_ms()
        facts = {"stage": stage, "version": version, "error": error, "changed_at": now}
        async with self._database.write() as connection:
            statement = insert_into(connection, ReloadRow)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[ReloadRow.reload_id], set_=facts),
                {"reload_id": reload_id, "started_at": now, **facts},
            )
            await connection.execute(delete(ReloadRow).where(ReloadRow.changed_at < now - KEPT_MS))

    async def find(self, reload_id: str) -> Reload | None:
        rows = select(ReloadRow).where(ReloadRow.reload_id == reload_id)
        async with self._database.glance() as connection:
            row = (await connection.execute(rows)).one_or_none()
        if row is None:
            return None
        return Reload(
            row.reload_id, row.stage, row.version, row.error, row.started_at, row.changed_at
        )
