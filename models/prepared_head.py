"""The inner loop of the ranking head as it is served: prepared once, then fast for any batch.

Equal to `models.inner.adapt_ranking_head`, held so by a law, without what serving can do without:
gradients through it, and a mask of entities by negatives by slots. An entity may be adapted to its
support in several ways at once, each leaving out other slots; they share vectors and first step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import pad

from models.inner import Rule

_LEFT = 0.01
"""What must be left of a sum after taking away from it, lest too many digits go with it."""


class Sampled(NamedTuple):
    """The items that those of a support are told from: M different ones."""

    vectors: Tensor
    """[M, d]"""
    biases: Tensor
    """[M]"""
    draws: Tensor
    """[M] how often it was drawn, as a multiple of how often that was to be expected."""

    def padded(self) -> "Sampled":
        """With one item more that was never drawn, for those to name that are not sampled."""
        return Sampled(*(torch.cat([part, torch.zeros_like(part[:1])]) for part in self))


class Slots(NamedTuple):
    """What the supports of B entities name."""

    vectors: Tensor
    """[B, K, d]"""
    biases: Tensor
    """[B, K]"""
    places: Tensor
    """[B, K] int64: which of the sampled items it is; M if none. No two used slots name one."""


class _Ways(NamedTuple):
    """V ways to use the slots of each of B entities."""

    used: Tensor
    """[B, V, K] 1 where a slot is used, else 0."""
    liked: Tensor
    """[B, V, K] shares of the positive weights, times the pace."""
    disliked: Tensor | None
    """[B, V, K] shares of the negative weights, times the pace."""
    likes: Tensor
    """[B, V, 1] the sum of `liked`."""
    places: Tensor
    """[B * V, K + 1] int64: which of the sampled items are used; M if none, and M."""
    room: Tensor
    """[B * V, M + 1] to compute in."""


class _Softmax(NamedTuple):
    """Not divided by its sum yet."""

    near: Tensor
    """[B, V, K] of the slots."""
    total: Tensor
    """[B, V, 1] of slots and sampled items together."""
    pull: Tensor
    """[B or 1, V or 1, d] sum of the sampled vectors by theirs."""


_Sum: TypeAlias = Callable[[Slots, _Ways, Tensor], _Softmax]


@dataclass(frozen=True, slots=True)
class PreparedHead:
    sampled: Sampled
    """M + 1, the last for items that are not sampled."""
    rule: Rule
    """Its prior is [d]: that of whoever has none of their own."""
    across: Tensor
    """[d, M + 1] the sampled vectors, laid out for products with fast weights."""
    odds: Tensor
    """[M + 1] exp(biases) times draws: what every exponential of a product counts for."""
    weighted: Tensor
    """[M + 1, d] the sampled vectors by their odds."""
    total: Tensor
    """[1, 1, 1] sum of the exponentials of the sampled logits at the rule's prior."""
    pull: Tensor
    """[1, 1, d] sum of the sampled vectors by those exponentials."""

    @classmethod
    def of(cls, sampled: Sampled, rule: Rule) -> "PreparedHead":
        """Of M sampled items."""
        padded = sampled.padded()
        across, odds = padded.vectors.T.contiguous(), padded.biases.exp() * padded.draws
        weighted = padded.vectors * odds.unsqueeze(1)
        far = (rule.prior @ across).exp_()
        total, pull = (far @ odds).view(1, 1, 1), (far @ weighted).view(1, 1, -1)
        return cls(padded, rule, across, odds, weighted, total, pull)

    def adapt(self, slots: Slots, prior: Tensor, weights: Tensor) -> Tensor:
        """[B, V, d] where V ways to weigh the slots, [B, V, K], lead from priors [B, d]."""
        start = prior.unsqueeze(1).expand(-1, weights.shape[1], -1)
        if not weights.numel():
            return start
        ways = self._ways(slots, weights)
        fast, least, most = self._walk(slots, ways, start, self._first_softmax, self._softmax)
        kind = torch.finfo(fast.dtype)
        if least > kind.tiny**0.5 and most < kind.max**0.5:
            return fast
        return self._walk(slots, ways, start, self._shifted_softmax, self._shifted_softmax)[0]

    def _walk(
        self, slots: Slots, ways: _Ways, start: Tensor, first: _Sum, following: _Sum
    ) -> tuple[Tensor, float, float]:
        """Where it leads to, and between which numbers all sums on the way were."""
        back = self.rule.pull.sigmoid()
        fast, totals = start, list[Tensor]()
        for step in self.rule.steps:
            softmax = (following if totals else first)(slots, ways, fast)
            part = ways.likes / softmax.total
            pushes = softmax.near.mul_(part).sub_(ways.liked)
            if ways.disliked is not None:
                dots = fast @ slots.vectors.mT
                pushes += ways.disliked * (dots - self.rule.threshold).sigmoid()
            gradient = torch.baddbmm(softmax.pull * part, pushes, slots.vectors)
            kept = torch.lerp(fast, start, back) if totals else start
            fast = torch.addcmul(kept, gradient, step, value=-1)
            totals.append(softmax.total)
        least, most = torch.cat(totals).aminmax()
        return fast, float(least), float(most)

    def evidence(self, slots: Slots, prior: Tensor, weights: Tensor) -> Tensor:
        """[B] how many nats likelier than by popularity the liked slots are, of [B, K] weights.

        Each is foretold by what is adapted to all others, among the sampled items; their mean. See
        `models.algorithms.ranking.Ranking.evidence`.
        """
        slots_each = weights.shape[1]
        if not weights.numel():
            return prior.new_zeros(len(prior))
        kept = 1 - torch.eye(slots_each, dtype=weights.dtype, device=weights.device)
        fast = self.adapt(slots, prior, weights.unsqueeze(1) * kept)
        places = self._places(slots, weights != 0)
        others = fast.flatten(0, 1) @ self.across
        rest = self._log_sum(others, places.repeat_interleave(slots_each, dim=0))
        own = torch.einsum("bkd,bkd->bk", fast, slots.vectors) + slots.biases
        adapted = own - torch.logaddexp(rest.view_as(own), own)
        alike = self._log_sum(torch.zeros_like(others[: len(places)]), places)
        popular = slots.biases - torch.logaddexp(alike, slots.biases)
        liked = (weights > 0).to(own)
        return ((adapted - popular) * liked).sum(-1) / liked.sum(-1).clamp_min(1)

    def _log_sum(self, products: Tensor, places: Tensor) -> Tensor:
        """[., 1] log of the sum over the sampled items, by products [., M + 1], less `places`."""
        highest = products.amax(-1, keepdim=True)
        # Exponentials of -inf take three times as long as others: what is left out is set to 0.
        total = (products - highest).exp_().scatter_(1, places, 0) @ self.odds.unsqueeze(1)
        if float(total.amin()) > torch.finfo(total.dtype).tiny ** 0.5:
            return highest + total.log()
        logits = products + self.odds.log()
        return logits.scatter_(1, places, -torch.inf).logsumexp(-1, keepdim=True)

    def _places(self, slots: Slots, used: Tensor) -> Tensor:
        """[B, K + 1] for `used` [B, K]; [B, V, K + 1] for [B, V, K]."""
        none = len(self.odds) - 1
        places = slots.places if used.dim() == 2 else slots.places.unsqueeze(1)
        return pad(places.where(used, none), (0, 1), value=none)

    def _ways(self, slots: Slots, weights: Tensor) -> _Ways:
        total = weights.abs().sum(-1, keepdim=True)
        shares = weights * torch.where(total > 0, total, 1.0) ** (self.rule.rho - 1)
        used, liked = weights != 0, shares.clamp_min(0)
        return _Ways(
            used=used.to(shares),
            liked=liked,
            disliked=liked - shares if float(weights.amin()) < 0 else None,
            likes=liked.sum(-1, keepdim=True),
            places=self._places(slots, used).flatten(0, 1),
            room=weights.new_empty(used.shape[0] * used.shape[1], len(self.odds)),
        )

    def _first_softmax(self, slots: Slots, ways: _Ways, start: Tensor) -> _Softmax:
        """At the prior. All share its sampled part, so each used slot takes its own out of it.

        The sum counts for nothing where that would cost too many digits.
        """
        total, pull = self._start(start[:, 0])
        odds = self._logits(slots, start[:, :1]).exp_()
        near = (odds - odds * self.sampled.draws[slots.places].unsqueeze(1)) * ways.used
        left = total + near.sum(-1, keepdim=True)
        return _Softmax(near, left.where(left > _LEFT * total, 0), pull)

    def _start(self, prior: Tensor) -> tuple[Tensor, Tensor]:
        """[B or 1, 1, 1] sum of the sampled exponentials at priors [B, d]; [., 1, d] their pull."""
        if torch.equal(prior, self.rule.prior.expand_as(prior)):
            return self.total, self.pull
        far = (prior @ self.across).exp_()
        return (far @ self.odds).view(-1, 1, 1), (far @ self.weighted).unsqueeze(1)

    def _softmax(self, slots: Slots, ways: _Ways, fast: Tensor) -> _Softmax:
        far = self._products(ways, fast).exp_().scatter_(1, ways.places, 0)
        near = self._logits(slots, fast).exp_().mul_(ways.used)
        total = near.sum(-1, keepdim=True) + (far @ self.odds).view_as(near[..., :1])
        return _Softmax(near, total, (far @ self.weighted).view_as(fast))

    def _shifted_softmax(self, slots: Slots, ways: _Ways, fast: Tensor) -> _Softmax:
        """The same where exponentials leave the range of numbers."""
        near = self._logits(slots, fast).masked_fill(ways.used == 0, -torch.inf)
        far = self._products(ways, fast).add_(self.odds.log())
        far.scatter_(1, ways.places, -torch.inf)
        highest = torch.maximum(near.amax(-1), far.amax(-1).view_as(near[..., 0])).unsqueeze(-1)
        near, far = (near - highest).exp_(), far.sub_(highest.view(-1, 1)).exp_()
        total = near.sum(-1, keepdim=True) + far.sum(-1).view_as(near[..., :1])
        return _Softmax(near, total, (far @ self.sampled.vectors).view_as(fast))

    def _logits(self, slots: Slots, fast: Tensor) -> Tensor:
        """[B, V, K]"""
        return torch.baddbmm(slots.biases.unsqueeze(1), fast, slots.vectors.mT)

    def _products(self, ways: _Ways, fast: Tensor) -> Tensor:
        """[B * V, M + 1]"""
        return torch.mm(fast.flatten(0, 1), self.across, out=ways.room)
