"""What all algorithms share: a catalogue of vectors, popularity, memory, and tables by shots.

score(item) = (1 - g) popularity
              + g (bias + p departure(prior) + r (departure(fast) - departure(prior)) + memories).

An algorithm says what its fast weights are, how they adapt, and what departure from the biases they
give an item. The gate g, the weight p of the prior, the reach r of adapting and the weights of the
memories are tables by shots. The popularity never moves, so that a closed gate is exactly the
popularity ranking.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from scipy.sparse import csr_array
from torch import Generator, Tensor
from torch.nn.functional import embedding

from models.algorithms import newcomer
from models.algorithms.interface import Retrieval, Slow
from models.algorithms.leave_one_out import cautious, leave_one_out, likelihood
from models.algorithms.likeness import Likeness, unit_rows, weighed
from models.algorithms.live_popularity import live_shift
from models.algorithms.memory import Rows, foretold, nearest, regression
from models.algorithms.postings import Postings
from models.algorithms.ranking_start import draw_negatives, item_vectors, log_popularity
from models.algorithms.recall import at_shots, recall, weighted_rows
from models.config import RankerConfig
from models.losses import query_loss
from models.shapes import (
    MOST_SHOTS,
    Company,
    Episode,
    Features,
    Kin,
    Parts,
    Personal,
    RankingTask,
    Recollection,
    Support,
)

MEMORIES = ("cosine", "shrunk", "regression", "profile")
"""Each has sparse rows over the items, NAME_items and NAME_values, and a table NAME_weight."""
_LEFT_OUT = 100_000
"""Slots of supports with an event left out that are adapted to at once: some 50 MB."""
_TABLES = ("prior_weight", "reach", *(f"{name}_weight" for name in MEMORIES))
_BY_ITEM = ("cosine", "shrunk", "regression")

PER_ITEM = newcomer.PER_ITEM | frozenset(
    {"item_vectors", "item_biases", "popularity"}
    | {f"{name}_{part}" for name in _BY_ITEM for part in ("items", "values")}
)
SHARED = newcomer.SHARED | frozenset(
    {"gate", "caution", *_TABLES, "negatives", "negative_log_q", "dislike_weight"}
    | {"profile_map", "profile_items", "profile_values", "profile_scale", "profile_power"}
)


@dataclass(frozen=True, slots=True)
class Ranking(ABC):
    """Slow weights of every algorithm, by name (N items, width d, M negatives, V features):
    item_vectors [N, d], item_biases [N], popularity [N] (log of the smoothed rate), profile_map
    [V, d] (features -> the first d fast weights, which are a linear head on the item vectors),
    negatives [M] int64 (item rows), negative_log_q [M] (log of M times the chance to be drawn); the
    memories cosine, shrunk and regression (a row for each item) and profile (a row for each
    feature), each as NAME_items [., J] int32 and NAME_values [., J]; profile_scale [V] and
    profile_power [] (how much a feature counts in that memory); by shots the tables gate, caution,
    prior_weight, reach and NAME_weight, each [51]; dislike_weight [] (of a negative event);
    and what models.algorithms.newcomer says and, beside `tensors`, models.algorithms.company.
    """

    config: RankerConfig = field(default_factory=RankerConfig)
    """Read by training only: serving finds all it needs in the shapes of the slow weights."""

    name: ClassVar[str]
    retrieval: ClassVar[Retrieval] = "dot"
    own: ClassVar[frozenset[str]]
    """The names of the slow tensors that only this algorithm has."""
    per_item: ClassVar[frozenset[str]] = PER_ITEM
    portable: ClassVar[frozenset[str]] = frozenset()

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
        shift = weighted_rows(profile, slow["profile_map"].to(base.dtype))
        padding = base.new_zeros(len(shift), len(base) - shift.shape[1])
        return base + torch.cat([shift, padding], dim=1)

    def item_rows(self, slow: Slow) -> Tensor:
        columns = torch.stack((slow["item_biases"], slow["popularity"]), dim=1)
        return torch.cat([self.body(slow, slow["item_vectors"]), columns], dim=1)

    def content_rows(self, slow: Slow, content: Features, company: Company | None = None) -> Tensor:
        vectors, rates = newcomer.expected(slow, content, company)
        return torch.cat([self.body(slow, vectors), rates, rates], dim=1)

    def postings(self, slow: Slow) -> Postings:
        return newcomer.postings(slow)

    def kin(
        self,
        slow: Slow,
        content: Features,
        company: Company | None = None,
        posted: Postings | None = None,
    ) -> Kin:
        return newcomer.kin(slow, content, company, posted)

    def recollect_newer(
        self, slow: Slow, personal: Personal, of_kin: Tensor, known: Tensor, moved: Tensor | None
    ) -> Tensor:
        return newcomer.recollect(slow, personal, of_kin, known, moved)

    def popularity_shift(
        self, slow: Slow, rows: Tensor, events: Tensor, events_of_all: Tensor
    ) -> Tensor:
        return live_shift(
            slow["popularity"], rows[:, -1], events, events_of_all, slow["content_chances"]
        )

    def gate(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """The table's value, less where the support does not vouch for adapting.

        caution by shots says how much a shortfall of evidence counts; see `evidence`.
        """
        gate = at_shots(slow, "gate", support.shots)
        caution = at_shots(slow, "caution", support.shots)
        if not caution.any():
            return gate
        return gate * cautious(caution, self.evidence(slow, prior, support))

    def evidence(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        """[B] how many nats likelier than by popularity the liked items of a support are.

        Each is foretold by what is adapted to all others, among the sampled items; their mean.
        """
        entities, slots = support.items.shape
        size = max(1, _LEFT_OUT // slots**2)
        parts = zip(*(torch.split(part, size) for part in (prior, *support)), strict=True)
        told = [self._evidence(slow, base, Support(*given)) for base, *given in parts]
        return torch.cat(told) if told else prior.new_zeros(entities)

    def _evidence(self, slow: Slow, prior: Tensor, support: Support) -> Tensor:
        entities, slots = support.items.shape
        task = self.task(slow, support)
        repeated = prior.repeat_interleave(slots, dim=0)
        fast = self.adapt(slow, repeated, leave_one_out(support))
        own = task.vectors.reshape(entities * slots, 1, -1)
        hits = task.hits.repeat_interleave(slots, dim=0)
        biases = task.biases.reshape(-1, 1)
        others = self.departure(slow, fast, task.negatives) + task.corrections
        adapted = likelihood(self.departure(slow, fast, own) + biases, others, hits)
        popular = likelihood(biases, task.corrections.expand_as(others), hits)
        liked = (task.weights > 0).to(adapted)
        gains = (adapted - popular).view(entities, slots) * liked
        return gains.sum(-1) / liked.sum(-1).clamp_min(1)

    def score(self, slow: Slow, personal: Personal, rows: Tensor) -> Tensor:
        gate = personal.gate.unsqueeze(-1).to(rows)
        bodies, biases, popularity = rows[..., :-2], rows[..., -2], rows[..., -1]
        moved = self.moved(slow, personal, bodies)
        return gate * (biases + moved) + (1 - gate) * popularity

    def moved(self, slow: Slow, personal: Personal, bodies: Tensor) -> Tensor:
        """[B, M] the departures of prior and adapting by their weights."""
        departures = self._departures(slow, personal, bodies)
        weighed = [
            at_shots(slow, table, personal.shots).unsqueeze(-1).to(bodies) * departure
            for table, departure in departures.items()
        ]
        return torch.stack(weighed).sum(0)

    def _departures(self, slow: Slow, personal: Personal, bodies: Tensor) -> dict[str, Tensor]:
        """By table: what the prior says, and what adapting adds to it."""
        prior = self.departure(slow, personal.prior.to(bodies), bodies)
        fast = self.departure(slow, personal.fast.to(bodies), bodies)
        return {"prior_weight": prior, "reach": fast - prior}

    def recollect(
        self, slow: Slow, personal: Personal, support: Support, profile: Features
    ) -> Recollection:
        recalled = [
            Recollection(
                items,
                values * (personal.gate * at_shots(slow, table, personal.shots)).unsqueeze(-1),
            )
            for table, (items, values) in self._recalled(slow, support, profile).items()
        ]
        return Recollection(*(torch.cat(parts, dim=1) for parts in zip(*recalled, strict=True)))

    def _recalled(self, slow: Slow, support: Support, profile: Features) -> dict[str, Recollection]:
        """By table: what each memory says before it is weighed.

        Each item of the support counts by its share of the shots times their root.
        """
        shots = support.shots.clamp_min(torch.finfo(support.shots.dtype).tiny)
        shares = support.weights * shots.rsqrt().unsqueeze(-1)
        sources = dict.fromkeys(_BY_ITEM, (support.items, shares))
        sources["profile"] = weighed(profile, slow["profile_scale"], slow["profile_power"])
        return {f"{name}_weight": recall(slow, name, *sources[name]) for name in MEMORIES}

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
        likeness = Likeness.chosen(profiles, unit_rows(interactions), seed)
        memories = {
            "cosine": nearest(interactions, shrinkage=0),
            "shrunk": nearest(interactions),
            "regression": regression(interactions),
            "profile": foretold(likeness),
        }
        vectors = item_vectors(interactions, config.dimension or 1, seed)
        return {
            **self.assembled(vectors, log_popularity(interactions), memories, seed),
            "profile_scale": torch.from_numpy(likeness.weighing.scale),
            "profile_power": torch.tensor(likeness.weighing.power),
        }

    def assembled(
        self, vectors: Tensor, popularity: Tensor, memories: Mapping[str, Rows], seed: int
    ) -> dict[str, Tensor]:
        """Every slow weight before training, around `vectors` [N, d] and `popularity` [N]."""
        width, (features, _) = vectors.shape[1], memories["profile"]
        ones = torch.ones(MOST_SHOTS + 1)
        slow = {
            "item_vectors": vectors,
            "item_biases": popularity.clone(),
            "popularity": popularity,
            **newcomer.untaught(vectors, popularity),
            "profile_map": torch.zeros(len(features), width),
            "profile_scale": torch.ones(len(features)),
            "profile_power": torch.tensor(1.0),
            "gate": torch.cat([torch.zeros(1), ones[1:]]),
            "caution": torch.zeros_like(ones),
            "prior_weight": ones.clone(),
            "reach": ones.clone(),
            "dislike_weight": torch.tensor(0.25),
            **{f"{name}_items": items for name, (items, _) in memories.items()},
            **{f"{name}_values": values for name, (_, values) in memories.items()},
            **{f"{name}_weight": torch.zeros_like(ones) for name in memories},
            **self.own_initial(width, seed),
        }
        return self.redraw(slow, torch.Generator().manual_seed(seed))

    def rates(self) -> Mapping[str, float]:
        config = self.config
        rates = {
            "item_vectors": config.vector_rate,
            "item_biases": config.bias_rate,
            "profile_map": config.inner_rate,
            **self.own_rates(),
        }
        return dict(sorted(rates.items()))  # a checkpoint is read by another process

    def blended(self) -> Sequence[str]:
        return _TABLES

    def parts(
        self, slow: Slow, personal: Personal, support: Support, profile: Features, rows: Tensor
    ) -> Parts:
        departures = self._departures(slow, personal, rows[:, :-2])
        for table, (items, values) in self._recalled(slow, support, profile).items():
            nothing = torch.zeros_like(departures["reach"])
            departures[table] = nothing.scatter_add(1, items, values.to(nothing))
        return Parts(rows[:, -1], rows[:, -2], departures)

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
        return _products(self.head(slow, fast), bodies)

    def moved(self, slow: Slow, personal: Personal, bodies: Tensor) -> Tensor:
        weight, reach = (
            at_shots(slow, table, personal.shots).unsqueeze(-1)
            for table in ("prior_weight", "reach")
        )
        before, after = self.head(slow, personal.prior), self.head(slow, personal.fast)
        return _products((weight * before + reach * (after - before)).to(bodies), bodies)


def _products(heads: Tensor, bodies: Tensor) -> Tensor:
    """[B, M] of heads [B, D'] with bodies [M, D'] of everybody or [B, M, D'] of each."""
    if bodies.dim() == 2:
        return heads @ bodies.T
    return torch.einsum("bd,bmd->bm", heads, bodies)
