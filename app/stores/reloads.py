"""How far each change of meta-weights has come, for whoever did not wait for the answer."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import and_, delete, or_, select

from app.stores.activation import now_ms
from app.stores.database import Database
from app.stores.statements import insert_into
from app.stores.tables import ReloadRow

KEPT_MS = 7 * 24 * 3600 * 1000
FORGOTTEN_MS = 2 * 60 * 1000
"""One that has not come further for so long has died with its process."""

Stage: TypeAlias = Literal["verifying", "comparing", "swapping", "agreeing", "done", "failed"]
ENDED = ("done", "failed")


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

    async def is_behind_another(self, reload_id: str) -> bool:
        """Whether one that began before it, in any process, is still under way."""
        mine = (
            select(ReloadRow.started_at).where(ReloadRow.reload_id == reload_id).scalar_subquery()
        )
        others = select(ReloadRow.reload_id).where(
            ReloadRow.reload_id != reload_id,
            ReloadRow.stage.not_in(ENDED),
            ReloadRow.changed_at > now_ms() - FORGOTTEN_MS,
            or_(
                ReloadRow.started_at < mine,
                and_(ReloadRow.started_at == mine, ReloadRow.reload_id < reload_id),
            ),
        )
        async with self._database.glance() as connection:
            return (await connection.execute(others.limit(1))).first() is not None

    async def find(self, reload_id: str) -> Reload | None:
        rows = select(ReloadRow).where(ReloadRow.reload_id == reload_id)
        async with self._database.glance() as connection:
            row = (await connection.execute(rows)).one_or_none()
        if row is None:
            return None
        return Reload(
            row.reload_id, row.stage, row.version, row.error, row.started_at, row.changed_at
        )
