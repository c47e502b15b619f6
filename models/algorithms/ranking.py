"""What all algorithms share: a catalogue of vectors, popularity, memory, and tables by shots.

score(item) = (1 - g) popularity + g (r departure(fast, e) + b) + g (m support memory + p profile
memory). An algorithm says what its fast weights are, how they adapt, and what departure they give
an item of vector e. The gate g, the reach r and the weights m and p of the memories are tables by
shots. The popularity never moves, so that a closed gate is exactly the popularity ranking.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from scipy.sparse import csr_array
from torch import Generator, Tensor
from torch.nn.functional import embedding

from models.algorithms.interface import Retrieval, Slow
from models.algorithms.neighbours import nearest_items
from models.algorithms.ranking_start import draw_negatives, item_vectors, log_popularity
from models.config import RankerConfig
from models.losses import query_loss
from models.shapes import (
    MOST_SHOTS,
    Episode,
    Features,
    RankingTask,
    Recollection,
    Support,
)

PER_ITEM = frozenset({"item_vectors", "item_biases", "popularity", "near_items", "nearness"})
TABLES = frozenset({"gate", "reach", "memory", "profile_memory"})
SHARED = TABLES | {
    "negatives",
    "negative_log_q",
    "profile_map",
    "profile_items",
    "profile_nearness",
}


@dataclass(frozen=True, slots=True)
class Ranking(ABC):
    """Slow weights of every algorithm, by name (N items, width d, M negatives, V features):

    item_vectors [N, d], item_biases [N], popularity [N] (log of the smoothed rate), near_items
    [N, J] int32 and nearness [N, J] (the support memory), profile_map [V, d] (features -> the first
    d fast weights, which are a linear head on the item vectors), profile_items [V, J] int32 and
    profile_nearness [V, J] (the profile memory), negatives [M] int64 (item rows), negative_log_q
    [M] (log of M times the chance to be drawn), and the tables gate, reach, memory, profile_memory,
    each [51] by shots.
    """

    config: RankerConfig = field(default_factory=RankerConfig)
    """Read by training only: serving finds all it needs in the shapes of the slow weights."""

    name: ClassVar[str]
    retrieval: ClassVar[Retrieval] = "dot"
    own: ClassVar[frozenset[str]]
    """The names of the slow tensors that only this algorithm has."""
    per_item: ClassVar[frozenset[str]] = PER_ITEM

    @property
    def tensors(self) -> frozenset[str]:
        return PER_ITEM | SHARED | self.own

    @abstractmethod
    def own_initial(self, width: int, seed: int) -> dict[str, Tensor]:
        """The algorithm's own slow tensors before training, for item vectors of `width`."""

    @abstractmethod
    def own_rates(self) -> Mapping[str, float]:
        """Learning rates of those own tensors that the outer loop learns."""

    @abstractmethod
    def own_prior(self, slow: Slow) -> Tensor:
        """[F] fast weights of somebody of whom nothing at all is known; F >= d."""

    @abstractmethod
    def adapt(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """See `Algorithm`."""

    @abstractmethod
    def departure(self, slow: Slow, fast: Tensor, bodies: Tensor) -> Tensor:
        """[B, M] how `fast` rates items of `bodies` ([M, D'] or [B, M, D']), biases left out."""

    def body(self, slow: Slow, vectors: Tensor) -> Tensor:  # noqa: ARG002  (for those with a body)
        """[..., D'] what an algorithm makes of item vectors [..., d] for everybody alike."""
        return vectors

    def prior(self, slow: Slow, profile: Features) -> Tensor:
        base = self.own_prior(slow)
        shift = _weighted_rows(profile, slow["profile_map"].to(base.dtype))
        padding = base.new_zeros(len(shift), len(base) - shift.shape[1])
        return base + torch.cat([shift, padding], dim=1)

    def item_rows(self, slow: Slow) -> Tensor:
        columns = torch.stack((slow["item_biases"], slow["popularity"]), dim=1)
        return torch.cat([self.body(slow, slow["item_vectors"]), columns], dim=1)

    def content_rows(self, slow: Slow, content: Features) -> Tensor:
        """Nothing is known of the item but that it is as popular as items are on average."""
        rate = slow["popularity"].exp().mean().log()
        vectors = slow["item_vectors"].new_zeros(len(content.values), slow["item_vectors"].shape[1])
        return torch.cat([self.body(slow, vectors), rate.expand(len(vectors), 2)], dim=1)

    def score(self, slow: Slow, fast: Tensor, shots: Tensor, rows: Tensor) -> Tensor:
        gate = self.gate(slow, shots).unsqueeze(-1).to(rows)
        reach = at_shots(slow, "reach", shots).unsqueeze(-1).to(rows)
        biases, popularity = rows[..., -2], rows[..., -1]
        departure = self.departure(slow, fast.to(rows), rows[..., :-2])
        return gate * (reach * departure + biases) + (1 - gate) * popularity

    def recollect(self, slow: Slow, support: Support, profile: Features) -> Recollection:
        """The nearest items of the support and of the features.

        Each item of the support counts by its share of the shots times their root.
        """
        shots = support.shots
        least = torch.finfo(shots.dtype).tiny
        gate = self.gate(slow, shots)
        trust = gate * at_shots(slow, "memory", shots) * shots.clamp_min(least).rsqrt()
        by_support = _recalled(
            slow["near_items"], slow["nearness"], support.items, support.weights, trust
        )
        trust = gate * at_shots(slow, "profile_memory", shots)
        by_profile = _recalled(
            slow["profile_items"], slow["profile_nearness"], profile.columns, profile.values, trust
        )
        return Recollection(
            *(torch.cat(parts, dim=1) for parts in zip(by_support, by_profile, strict=True))
        )

    def gate(self, slow: Slow, shots: Tensor) -> Tensor:
        return at_shots(slow, "gate", shots)

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        fast = self.adapt(slow, self.prior(slow, episode.profile), episode.support)
        fast = self.dropped(fast, generator)
        bodies = self.body(slow, slow["item_vectors"])
        scores = self.departure(slow, fast, bodies) + slow["item_biases"]
        return query_loss(scores, episode.support, episode.query, self.config.size_power)

    def dropped(self, fast: Tensor, generator: Generator | None) -> Tensor:
        """`fast` with a random part of its numbers set to 0 and the others raised to make up."""
        dropout = self.config.dropout or 0.0
        if generator is None or not dropout:
            return fast
        kept = torch.rand(fast.shape, generator=generator) >= dropout
        return fast * kept.to(fast) / (1 - dropout)

    def initial(self, interactions: csr_array, profiles: csr_array, seed: int) -> dict[str, Tensor]:
        config = self.config.for_users(interactions.shape[0])
        width = config.dimension or 1
        popularity = log_popularity(interactions)
        near_items, nearness = nearest_items(interactions)
        profile_items, profile_nearness = nearest_items(interactions, profiles)
        ones = torch.ones(MOST_SHOTS + 1)
        slow = {
            "item_vectors": item_vectors(interactions, width, seed),
            "item_biases": popularity.clone(),
            "popularity": popularity,
            "near_items": near_items,
            "nearness": nearness,
            "profile_map": torch.zeros(profiles.shape[1], width),
            "profile_items": profile_items,
            "profile_nearness": profile_nearness,
            "gate": torch.cat([torch.zeros(1), ones[1:]]),
            "reach": ones.clone(),
            "memory": torch.zeros_like(ones),
            "profile_memory": torch.zeros_like(ones),
            **self.own_initial(width, seed),
        }
        return self.redraw(slow, torch.Generator().manual_seed(seed))

    def rates(self) -> Mapping[str, float]:
        config = self.config
        return {
            "item_vectors": config.vector_rate,
            "item_biases": config.bias_rate,
            "profile_map": config.inner_rate,
            **self.own_rates(),
        }

    def blends(self) -> Mapping[str, Sequence[float]]:
        return {
            "reach": (0.35, 0.5, 0.7, 1.0, 1.4, 2.0),
            "memory": (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0),
            "gate": tuple(step / 10 for step in range(11)),
        }

    def task(self, slow: Slow, support: Support) -> RankingTask:
        """What an inner loop on the support learns from, with bodies for vectors."""
        precise = slow["gate"].dtype
        items, negatives = support.items, slow["negatives"]
        weights = support.weights.to(precise)
        hits = (items.unsqueeze(-1) == negatives) & (weights != 0).unsqueeze(-1)
        vectors, biases = slow["item_vectors"], slow["item_biases"].unsqueeze(-1)
        sampled = embedding(negatives, biases).squeeze(-1).to(precise)
        return RankingTask(
            vectors=self.body(slow, embedding(items, vectors).to(precise)),
            biases=embedding(items, biases).squeeze(-1).to(precise),
            weights=weights,
            negatives=self.body(slow, embedding(negatives, vectors).to(precise)),
            corrections=sampled - slow["negative_log_q"].to(precise),
            hits=hits.any(1),
        )

    def redraw(self, slow: Slow, generator: Generator) -> dict[str, Tensor]:
        rows, log_q = draw_negatives(slow["popularity"], self.config.negatives, generator)
        return {**slow, "negatives": rows, "negative_log_q": log_q}


class DotRanking(Ranking):
    """Departure is one dot product of a head with the body, so that an index can search it."""

    def head(self, slow: Slow, fast: Tensor) -> Tensor:  # noqa: ARG002  (for those whose head is made)
        """[B, D'] what the bodies are multiplied with."""
        return fast

    def departure(self, slow: Slow, fast: Tensor, bodies: Tensor) -> Tensor:
        head = self.head(slow, fast)
        if bodies.dim() == 2:
            return head @ bodies.T
        return torch.einsum("bd,bmd->bm", head, bodies)


def at_shots(slow: Slow, table: str, shots: Tensor) -> Tensor:
    """[B] values of a table by shots; between whole numbers of shots they are interpolated."""
    values = slow[table]
    place = shots.to(values).clamp(0, len(values) - 1)
    low, high = place.floor().long(), place.ceil().long()
    return torch.lerp(values[low], values[high], place - low)


def _weighted_rows(features: Features, table: Tensor) -> Tensor:
    """[B, d] sum of the rows of `table` [V, d] that the features name, by their values."""
    values = features.values.to(table)
    return torch.einsum("bj,bjd->bd", values, embedding(features.columns, table))


def _recalled(
    near: Tensor, nearness: Tensor, sources: Tensor, weights: Tensor, trust: Tensor
) -> tuple[Tensor, Tensor]:
    """([B, J], [B, J]) the items near to `sources` [B, K], by weight and `trust` [B]."""
    shares = weights.to(trust) * trust.unsqueeze(-1)
    scores = nearness[sources] * shares.unsqueeze(-1)
    return near[sources].flatten(1).long(), scores.flatten(1)
