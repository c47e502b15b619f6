"""What the log taught the service, as rows to train on: the strongest event of each pair.

That is what a support window is made of, so training sees what serving sees.
"""

from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import TypeAlias

from app.domain import ID_BYTES, Entity, Namespace, Shot
from app.stores.event_log import EventLog

PAGE = 5_000
"""Events read at a time; beyond them only the shots of one entity are held in memory."""

Naming: TypeAlias = Callable[[Entity], str]
"""How an entity is called outside; two entities never share a name."""


async def exported_shots(log: EventLog) -> AsyncIterator[tuple[Entity, Shot]]:
    """Every entity with its strongest event on each item, by entity, then by item.

    Events of weight 0 teach nothing and are left out.
    """
    whose: Entity | None = None
    best: dict[str, Shot] = {}
    after: tuple[str, str] | None = None
    while True:
        page = await log.scan(after, PAGE)
        for event in page.events:
            if whose is not None and event.entity != whose:
                for item_id in sorted(best):
                    yield whose, best[item_id]
                best = {}
            whose = event.entity
            shot = Shot(event.item_id, event.weight, event.timestamp)
            if event.weight and _is_stronger(shot, best.get(event.item_id)):
                best[event.item_id] = shot
        after = page.after
        if after is None:
            break
    if whose is not None:
        for item_id in sorted(best):
            yield whose, best[item_id]


def plain_name(entity: Entity) -> str:
    """A member's own id; a guest's with `anon:` before it.

    >>> plain_name(Entity(Namespace.USER, "ann")), plain_name(Entity(Namespace.ANON, "7"))
    ('ann', 'anon:7')
    """
    apart = entity.namespace is not Namespace.USER or entity.id.startswith(_PREFIXES)
    name = str(entity) if apart else entity.id
    return name if len(name.encode()) <= ID_BYTES else f"{entity.namespace}:{entity.digest}"


def hashed_name(key: bytes) -> Naming:
    """Pseudonyms that follow from entity and secret `key` (at most 64 bytes), and tell neither.

    >>> name = hashed_name(b"secret")
    >>> len(name(Entity(Namespace.USER, "ann")))
    32
    """
    return lambda entity: blake2b(str(entity).encode(), digest_size=16, key=key).hexdigest()


_PREFIXES = tuple(f"{namespace}:" for namespace in Namespace)


def _is_stronger(shot: Shot, than: Shot | None) -> bool:
    return than is None or shot.rank > than.rank
