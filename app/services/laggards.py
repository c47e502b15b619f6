"""Wait until every replica has followed a change of the catalogue, and name those that have not."""

import asyncio
from time import monotonic

from app.errors import StorageUnavailable
from app.services.parts import Parts
from app.services.reload import REPLICA_AGE_SECONDS

WAIT_SECONDS = 1.0
LOOK_SECONDS = 0.05
"""Replicas follow four times a second, and say at once how far they have come."""


async def find_laggards(
    parts: Parts, epoch: int, *, within: float = WAIT_SECONDS
) -> tuple[str, ...]:
    """Ids of live replicas that have not told within that time that they are at `epoch`.

    Nobody waits where there is no other replica. Without a database none can be told of: the
    change is durable, and they follow once they can read it.
    """
    until = monotonic() + within
    while True:
        try:
            replicas = await parts.activation.replicas(REPLICA_AGE_SECONDS)
        except StorageUnavailable:
            return ()
        behind = tuple(
            one.replica_id
            for one in replicas
            if one.replica_id != parts.replica_id and one.epoch < epoch
        )
        if not behind or monotonic() >= until:
            return behind
        await asyncio.sleep(LOOK_SECONDS)
