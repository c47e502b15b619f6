"""The name of every key in Redis. All keys of an entity share a hash tag, thus a Cluster slot."""

from app.domain import Entity


def window(namespace: str, entity: Entity) -> str:
    """What is known of an entity: its support window and its properties, or the note (a tombstone)
    that they must be read anew.
    """
    return f"{namespace}:known:{{{entity.digest}}}"


def fast_weights(namespace: str, entity: Entity) -> str:
    """What the inner loop made of the window, tagged with its digest and the weights version."""
    return f"{namespace}:fast:{{{entity.digest}}}"


def cursor(namespace: str, name: str) -> str:
    """A list that somebody turns over in pages."""
    return f"{namespace}:cursor:{{{name}}}"
