"""The name of every key in Redis. All keys of an entity share a hash tag, thus a Cluster slot."""

from app.domain import Entity


def window(namespace: str, entity: Entity) -> str:
    """The support window of an entity, or the note (a tombstone) that it must be rebuilt."""
    return f"{namespace}:window:{{{entity.digest}}}"


def fast_weights(namespace: str, entity: Entity) -> str:
    """What the inner loop made of the window, tagged with its digest and the weights version."""
    return f"{namespace}:fast:{{{entity.digest}}}"
