"""Create or change users and their properties."""

from collections.abc import Sequence

from app.domain import User
from app.services.parts import Parts


async def put_users(parts: Parts, users: Sequence[User]) -> None:
    """Replace the properties of `users` whole. Raises `StorageUnavailable`."""
    await parts.catalogue.put_users(users)
