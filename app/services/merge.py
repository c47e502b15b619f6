"""A guest signs in: what it did becomes the member's."""

from dataclasses import dataclass

from app.domain import Entity
from app.services import watermark
from app.services.apply import apply
from app.services.parts import Parts


@dataclass(frozen=True, slots=True)
class Merged:
    moved: int
    duplicates: int
    watermark: str | None


async def merge(parts: Parts, guest: Entity, member: Entity) -> Merged:
    """The member's next list reflects what the guest did. Safe to repeat.

    Raises `AlreadyMerged` or `StorageUnavailable`.
    """
    merged = await parts.members.merge(guest, member)
    await apply(parts, merged.positions)
    told = {member: merged.positions[member]}
    return Merged(merged.moved, merged.duplicates, watermark.encode(told))
