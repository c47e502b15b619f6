"""Create or change users and their properties; the next recommendation of any worker sees them."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import User, patched
from app.services.apply import apply
from app.services.parts import Parts


async def put_users(parts: Parts, users: Sequence[User]) -> None:
    """Replace the properties of `users` whole. Raises `StorageUnavailable`."""
    await apply(parts, await parts.catalogue.put_users(users))


async def patch_user(parts: Parts, user_id: str, change: Mapping[str, Any]) -> User:
    """Set some properties, take away those that are null. Raises `StorageUnavailable`."""
    user, positions = await parts.catalogue.change_user(
        user_id, lambda properties: patched(properties, change)
    )
    await apply(parts, positions)
    return user
