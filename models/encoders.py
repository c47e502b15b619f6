"""What is known of users and items beside their interactions, as features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data import Dataset
from models.errors import DataError
from models.features import Encoder, TextEmbedding
from models.shapes import Features


@dataclass(frozen=True)
class Encoders:
    """How the columns of the two tables become features; one without columns knows nothing."""

    users: Encoder
    items: Encoder

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        users: NDArray[np.int64],
        embedding: TextEmbedding | None = None,
    ) -> "Encoders":
        """Decided by the rows of `users`, the training users, and of all items.

        An `embedding` reads their texts, where given.
        """
        ids = [dataset.user_ids[user] for user in users]
        people, items = dataset.users, dataset.items
        return cls(
            Encoder()
            if people is None
            else Encoder.fit(
                people.filter(people["user_id"].is_in(ids)), "user_id", embedding=embedding
            ),
            Encoder() if items is None else Encoder.fit(items, "item_id", embedding=embedding),
        )

    @classmethod
    def from_json(cls, value: object) -> "Encoders":
        """What `to_json` gave, or None for no features. Raises DataError where it is damaged."""
        match value:
            case {"users": users, "items": items}:
                return cls(Encoder.from_json(users), Encoder.from_json(items))
            case None:
                return cls(Encoder(), Encoder())
        raise DataError("the manifest", "its features are damaged", "train again")

    def named(self) -> tuple[tuple[str, Encoder], ...]:
        return ("item", self.items), ("user", self.users)

    def to_json(self) -> dict[str, object]:
        return {"users": self.users.to_json(), "items": self.items.to_json()}

    def profiles(self, dataset: Dataset) -> Features:
        """[U, J] of all users of the data."""
        if dataset.users is None:
            return Features.none(len(dataset.user_ids))
        return self.users.encode_table(dataset.users, "user_id", dataset.user_ids)

    def contents(self, dataset: Dataset) -> Features:
        """[N, J] of all items of the data."""
        if dataset.items is None:
            return Features.none(len(dataset.item_ids))
        return self.items.encode_table(dataset.items, "item_id", dataset.item_ids)
