"""Who was erased. A keyed hash stays for 30 days: it refuses late retries, and puts a new life
under the same id after the old one, so that nothing slow can bring that back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import Entity
from app.stores.shared_secrets import find_secret, make_secret
from app.stores.statements import BulkInsert, chunks
from app.stores.tables import ErasedRow

_SECRET = "erasure"  # noqa: S105  (the name of one)
_PUT_ERASED = BulkInsert(
    ErasedRow,
    "ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, "
    "erased_at = excluded.erased_at",
)


@dataclass(frozen=True, slots=True)
class PastLife:
    """The next life has this generation; `ended_at` is in milliseconds."""

    generation: int
    ended_at: int


async def find_past_lives(
    connection: AsyncConnection, entities: Iterable[Entity]
) -> dict[Entity, PastLife]:
    """Of those that were erased within the last 30 days."""
    wanted = list(entities)
    key = await find_secret(connection, _SECRET) if wanted else None
    if key is None:  # nobody was ever erased
        return {}
    named = {_name(entity, key): entity for entity in wanted}
    found: dict[Entity, PastLife] = {}
    for chunk in chunks(sorted(named)):
        rows = select(ErasedRow).where(ErasedRow.name.in_(chunk))
        for row in await connection.execute(rows):
            found[named[row.name]] = PastLife(row.generation, row.erased_at)
    return found


async def remember_erased(
    connection: AsyncConnection, lives: Iterable[tuple[Entity, PastLife]]
) -> None:
    key = await make_secret(connection, _SECRET)
    rows = [(_name(entity, key), life.generation, life.ended_at) for entity, life in lives]
    await _PUT_ERASED.run(connection, sorted(rows))


def _name(entity: Entity, key: bytes) -> str:
    return blake2b(str(entity).encode(), digest_size=16, key=key).hexdigest()
