"""Let the copies in Redis follow a commit, or make every reader avoid them."""

from collections.abc import Mapping, Sequence

from app.domain import Entity, Position
from app.errors import StorageUnavailable
from app.services.parts import Parts
from app.stores.append import WindowWrite


async def apply(
    parts: Parts, positions: Mapping[Entity, Position], writes: Sequence[WindowWrite] = ()
) -> None:
    """After this, no reader takes anything older than `positions` for fresh.

    Entities without a write are made to be read anew if Redis holds an older position: their
    properties changed, or a retry finds what was committed and never reached Redis.
    """
    written = {write.entity for write in writes}
    try:
        await parts.support.merge(writes)
        await parts.support.invalidate(
            {entity: at for entity, at in positions.items() if entity not in written}
        )
    except StorageUnavailable:
        parts.pending.add(positions)
        await parts.pending.wait_lease()
    else:
        parts.log.mark_applied(positions)
