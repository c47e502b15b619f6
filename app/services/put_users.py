"""Create or change users and their properties; the next recommendation of any worker sees them."""

from collections.abc import Sequence

from app.domain import User
from app.services.apply import apply
from app.services.parts import Parts


async def put_users(parts: Parts, users: Sequence[User]) -> None:
    """Replace the properties of `users` whole. Raises `StorageUnavailable`."""
    await apply(parts, await parts.catalogue.put_users(users))
