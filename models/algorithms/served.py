"""Adapting as the service does it: prepared once for a version of the slow weights, then fast.

Equal to `models.algorithms.scoring.personalise`, and to what algorithms themselves recollect.
Algorithms that walk a linear head down the analytic gradient have a prepared form
(`models.prepared_head`); all others adapt as they are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.algorithms.anil import ANIL
from models.algorithms.interface import Algorithm, Slow
from models.algorithms.leave_one_out import cautious
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.prepared_memory import PreparedMemory
from models.algorithms.ranking import DotRanking
from models.algorithms.recall import at_shots
from models.algorithms.scorer import PACE
from models.algorithms.tables import Tables
from models.inner import Rule
from models.prepared_head import PreparedHead, Sampled, Slots
from models.shapes import Features, Personal, Recollection, Support

_ROWS = 512
"""Supports adapted to at once: enough to keep a core busy, few enough to stay in its caches."""


@dataclass(frozen=True, slots=True)
class Served:
    """An algorithm and one version of its slow weights."""

    algorithm: Algorithm
    slow: Slow
    prepared: "_Prepared | None"
    memory: PreparedMemory
    walked: Tables
    """How much the prior and what adapting adds to it count."""

    @classmethod
    def of(cls, algorithm: Algorithm, slow: Slow) -> "Served":
        prepared = _Prepared.of(algorithm, slow) if isinstance(algorithm, MetaSGD | ANIL) else None
        walked = Tables.of(slow, ("prior_weight", "reach"))
        return cls(algorithm, slow, prepared, PreparedMemory.of(slow), walked)

    def personalise(self, prior: Tensor, support: Support) -> tuple[Tensor, Tensor]:
        """[B, F] fast weights that priors [B, F] become, and [B] gates.

        No two used slots of a support name the same item. Not differentiable.
        """
        if self.prepared is not None:
            return self.prepared.personalise(prior, support)
        fast = self.algorithm.adapt(self.slow, prior, support)
        return fast, self.algorithm.gate(self.slow, prior, support)

    def recollect(self, personal: Personal, support: Support, profile: Features) -> Recollection:
        """See `Algorithm.recollect`; in float32."""
        return self.memory.recollect(personal, support, profile)

    def directions(self, personal: Personal) -> Tensor | None:
        """[B, D] what item rows are multiplied with for their scores; None if that is not all."""
        if not isinstance(self.algorithm, DotRanking):
            return None
        weight, reach = self.walked.at(personal.shots).unsqueeze(-1)
        gate = personal.gate.unsqueeze(-1)
        before, after = (
            self.algorithm.head(self.slow, fast) for fast in (personal.prior, personal.fast)
        )
        moved = gate * (weight * before + reach * (after - before))
        return torch.cat([moved, gate, 1 - gate], dim=1)


@dataclass(frozen=True, slots=True)
class _Prepared:
    algorithm: MetaSGD | ANIL
    slow: Slow
    head: PreparedHead
    facts: Tensor
    """[N, 2] of every item its bias, and which of the M sampled items it is; M if none."""
    is_cautious: bool

    @classmethod
    def of(cls, algorithm: MetaSGD | ANIL, slow: Slow) -> "_Prepared":
        precise, drawn, biases = slow["gate"].dtype, slow["negatives"], slow["item_biases"]
        rows = torch.zeros_like(biases).index_fill_(0, drawn, 1).nonzero().squeeze(1)
        places = torch.full_like(biases, len(rows))
        places[rows] = torch.arange(len(rows)).to(biases)
        rarities = slow["negative_log_q"].to(precise).neg().exp()
        sampled = Sampled(
            vectors=algorithm.body(slow, slow["item_vectors"][rows].to(precise)),
            biases=biases[rows].to(precise),
            draws=torch.zeros_like(rarities[: len(rows)]).index_add_(
                0, places[drawn].long(), rarities
            ),
        )
        head = PreparedHead.of(sampled, _rule(algorithm, slow))
        facts = torch.stack([biases, places], dim=1)
        return cls(algorithm, slow, head, facts, bool(slow["caution"].any()))

    def personalise(self, prior: Tensor, support: Support) -> tuple[Tensor, Tensor]:
        """Many supports are sorted by size, so that little is spent on unused slots."""
        sizes = _sizes(support)
        if len(sizes) <= (1 if self.is_cautious else _ROWS):
            return self._personalise(prior, _cut(support, sizes))
        fast, gate = torch.empty_like(prior), prior.new_empty(len(prior))
        for rows in torch.split(sizes.argsort(), _ROWS):
            given = Support(support.items[rows], support.weights[rows])
            fast[rows], gate[rows] = self._personalise(prior[rows], _cut(given, sizes[rows]))
        return fast, gate

    def _personalise(self, prior: Tensor, support: Support) -> tuple[Tensor, Tensor]:
        slots, weights = self._slots(support), support.weights.to(prior)
        fast = self.head.adapt(slots, prior, weights.unsqueeze(1)).squeeze(1)
        gate = at_shots(self.slow, "gate", support.shots)
        if self.is_cautious:
            caution = at_shots(self.slow, "caution", support.shots)
            if caution.any():
                gate = gate * cautious(caution, self._evidence(slots, prior, weights))
        return fast, gate

    def _evidence(self, slots: Slots, prior: Tensor, weights: Tensor) -> Tensor:
        """[B]; each support counts for as many as it has slots."""
        size = max(1, _ROWS // max(1, weights.shape[1]))
        parts = zip(*(torch.split(part, size) for part in (prior, weights, *slots)), strict=True)
        return torch.cat(
            [self.head.evidence(Slots(*some), base, shots) for base, shots, *some in parts]
        )

    def _slots(self, support: Support) -> Slots:
        precise, shape = self.head.across.dtype, support.items.shape
        rows = support.items.flatten()
        bodies = self.algorithm.body(
            self.slow, self.slow["item_vectors"].index_select(0, rows).to(precise)
        )
        biases, places = self.facts.index_select(0, rows).view(*shape, 2).unbind(-1)
        return Slots(bodies.view(*shape, bodies.shape[1]), biases.to(precise), places.long())


def _rule(algorithm: MetaSGD | ANIL, slow: Slow) -> Rule:
    """How the algorithm's own `adapt` walks, from the prior of a stranger."""
    prior = algorithm.own_prior(slow)
    if isinstance(algorithm, MetaSGD):
        return Rule(prior, *(slow[name] for name in ("steps", "rho", "pull", "threshold")))
    sizes = slow["step_sizes"]
    return Rule(
        prior,
        steps=sizes.unsqueeze(1).expand(-1, len(prior)),
        rho=torch.full_like(sizes[0], PACE),
        pull=torch.full_like(prior, -torch.inf),
        threshold=slow["threshold"],
    )


def _sizes(support: Support) -> Tensor:
    """[B] up to which slot supports are used."""
    if not support.weights.shape[1]:
        return torch.zeros_like(support.items[:, :0].sum(-1))
    slots = torch.arange(1, support.weights.shape[1] + 1, device=support.weights.device)
    return (slots * (support.weights != 0)).amax(-1)


def _cut(support: Support, sizes: Tensor) -> Support:
    """Without the slots beyond the largest of `sizes`."""
    slots = int(sizes.max()) if len(sizes) else 0
    return Support(support.items[:, :slots], support.weights[:, :slots])
