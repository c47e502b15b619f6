"""Which meta-weights there are, and which of them answer."""

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass

from app.services.parts import Parts
from models import weights as meta_weights
from models.weights import Manifest


@dataclass(frozen=True, slots=True)
class ListedWeights:
    active: str | None
    previous: str | None
    manifests: Sequence[Manifest]
    """Newest first."""


async def list_weights(parts: Parts) -> ListedWeights:
    """Raises `StorageUnavailable`."""
    manifests = await to_thread(meta_weights.list_manifests, parts.policy.weights_directory)
    _, previous = await parts.activation.desired()
    snapshot = parts.engine.snapshot
    return ListedWeights(snapshot.version if snapshot else None, previous, manifests)
