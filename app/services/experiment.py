"""Who gets personal lists: a holdout that never does shows what they are worth."""

from dataclasses import dataclass
from hashlib import blake2b

from app.domain import Arm, Entity


@dataclass(frozen=True, slots=True)
class Experiment:
    """`holdout` is the share of people who always get the prior; another `salt` draws others."""

    holdout: float = 0.0
    salt: str = ""

    def arm(self, entity: Entity | None) -> Arm:
        """The same for an entity at any time, on any replica.

        >>> from app.domain import Namespace
        >>> Experiment(0.5).arm(Entity(Namespace.USER, "42"))
        'treatment'
        """
        if not self.holdout or entity is None:
            return "treatment"
        name = f"{self.salt}\0{entity}".encode()
        place = int.from_bytes(blake2b(name, digest_size=8).digest()) / 2**64
        return "holdout" if place < self.holdout else "treatment"
