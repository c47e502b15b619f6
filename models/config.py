"""How to train. Every choice that changes a result is a field here and stands in the manifest."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["user", "item"]
"""Who is warmed up: users, to whom items are recommended, or items, for which users are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerConfig:
    """The ranking head. `None` leaves the choice to the number of training users."""

    dimension: int | None = None
    dropout: float | None = None
    steps: int = 2
    """Inner steps."""
    step_size: float = 4.0
    """Where every inner step size starts."""
    scorer_step_size: float = 1.0
    """The one step size of MAML, FOMAML, ANIL and Reptile."""
    negatives: int = 256
    """Items sampled for the inner loop, so that adapting costs the same for any catalogue."""
    size_power: float = 0.75
    """How much more an entity with a large query counts in the outer loss: see losses.py."""
    vector_rate: float = 1e-3
    """Learning rate of the item vectors; all rates fall linearly to 0 at the last step."""
    bias_rate: float = 2e-3
    inner_rate: float = 1e-2
    """Learning rate of the prior, the step sizes, rho and the pull."""
    first_order: bool = False

    def for_users(self, users: int) -> "RankerConfig":
        """The same with every choice made: small data affords few dimensions.

        >>> RankerConfig().for_users(900).dimension
        32
        """
        small = users < 1000
        return replace(
            self,
            dimension=self.dimension or (32 if small else 64),
            dropout=0.5 if self.dropout is None else self.dropout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    algorithm: str = "meta-sgd"
    side: Side = "user"
    seed: int = 0
    fold: int = 0
    order: Literal["random", "time"] = "random"
    """How supports are drawn: any subset of a history, or what came first in time."""
    training_users: int | None = None
    """Learn from so many only, to see how many are needed."""
    embedding: str | None = None
    """A text-embedding model that reads the texts, instead of hashed grams."""
    budget_seconds: float | None = None
    """Stop the outer loop after so long and keep the best so far."""
    steps: int = 1200
    """Outer steps at most; the learning rates reach 0 there."""
    users: int = 128
    """Entities per outer step."""
    check_every: int = 100
    patience: int = 4
    """Checks without a gain before training ends."""
    ranker: RankerConfig = field(default_factory=RankerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """What held-out users are asked, and who else answers."""

    order: Literal["random", "time"] = "random"
    """Which interactions come first: any, or the earliest (needs timestamps)."""
    baselines: str = "fast"
    """"none"; "popularity"; "fast": lift, item-kNN, LMMSE, EASE too; "all": iALS, Mult-VAE, SASRec
    as well."""
    shots: tuple[int, ...] | None = None
    """By default those of models.metrics. More than 50 are asked of whoever has twice as many
    interactions; ours adapts to the last 50 of them, the others to all."""
    seed: int | None = None
    """Of the order and of the bootstrap; by default that of the split."""
    seeds: int = 1
    """In how many orders, from `seed` on, test users are asked; a user's mean counts."""
