"""What meta-weights teach about another domain, where hardly anybody has done anything yet.

Item vectors and popularity belong to a catalogue. What holds in any domain is how to adapt: the
step sizes of the inner loop (item vectors are sorted by singular value everywhere) and how much
popularity, vectors and memories should be trusted after so many shots. The rest follows from what
the items themselves are known by, until enough users tell more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch
from scipy.sparse import csr_array
from torch import Tensor

from models import algorithms
from models.algorithms.interface import Slow, Trainable
from models.algorithms.memory import Rows, nearest
from models.algorithms.ranking_start import item_vectors, log_popularity
from models.config import RankerConfig, Side, TrainConfig
from models.content import blended_vectors, content_of, content_vectors, with_content
from models.data import Dataset
from models.encoders import Encoders
from models.errors import WeightsError
from models.validation import Blends, interpolated
from models.weights import MetaWeights

Carry: TypeAlias = Callable[[Slow, csr_array], dict[str, Tensor]]
"""Slow weights before training, and the interactions they were made of -> where to begin."""

ByShots: TypeAlias = Mapping[str, tuple[float, ...]]
"""By table: [51]."""

UNTAUGHT: Mapping[str, Mapping[int, float]] = {
    "gate": {0: 0.0, 1: 1.0, 50: 1.0},
    "caution": {0: 0.0},
    "prior_weight": {0: 1.0},
    "reach": {0: 0.0, 5: 0.0, 10: 0.1, 50: 0.1},
    "cosine_weight": {0: 0.3, 1: 0.3, 3: 0.4, 10: 0.4, 20: 0.3, 50: 0.2},
}
"""By table, at some shots: how to answer from content alone; all other tables are 0.

Chosen on the validation users of ml-100k, ml-latest-small, lastfm-hetrec, citeulike-a,
online-retail, amazon-beauty, book-crossing and tripadvisor-hotels. The best on average weigh
content about twice as much; these also stay near popularity where names say nothing (lastfm) and
popularity is known.
"""
USERS_TO_TEACH = 300.0
"""Training users of the new domain at which the other's tables count as much as UNTAUGHT does.

This and what follows served best, with ml-100k as the other domain, users of ml-100k,
online-retail, lastfm-hetrec and citeulike-a who were held out for nothing else.
"""
USERS_TO_JUDGE = 2.0
"""Users, judging each other, at which their choice counts as much as what was carried."""
USERS_TO_CHOOSE = 10.0
"""Validation users at which their choice counts as much as all that is said before."""
CONTENT_FADES = 1000.0
"""Training users at which an item's content counts half as much as at first."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What is carried from meta-weights to another domain."""

    version: str | None
    users: int
    """How many users taught it; 0 for weights made of content alone."""
    names: tuple[str, ...]
    """Of all tables by shots that the new domain needs."""
    tables: Mapping[str, Tensor]
    """Those of them that are carried: [51] each."""
    rules: Mapping[str, Tensor]
    """Tensors of the inner loop that know no catalogue."""

    @classmethod
    def of(
        cls, weights: MetaWeights | None, algorithm: Trainable, side: Side = "user"
    ) -> "Experience":
        """For use by `algorithm`; of weights of another one, only what all have. None teaches 0.

        Raises:
            WeightsError: they are for the other side, or lack tensors.
        """
        names = ("gate", "caution", *algorithm.blended())
        if weights is None:
            return cls(None, 0, names, {}, {})
        if weights.side != side:
            raise WeightsError(weights.version, f"they are for {weights.side}s, not for {side}s")
        name, slow = weights.manifest.algorithm, weights.slow
        algorithms.check_complete(weights.version, name, slow)
        theirs = algorithms.trainable(name, RankerConfig())
        shared = {"gate", "caution", *theirs.blended()} & set(names)
        rules = algorithm.portable if name == algorithm.name else frozenset[str]()
        return cls(
            weights.version,
            int(weights.manifest.split.get("train", 0)),
            names,
            {table: slow[table].float() for table in sorted(shared)},
            {rule: slow[rule] for rule in sorted(rules)},
        )

    def carrying(self, dataset: Dataset, encoders: Encoders, seed: int) -> Carry:
        """What makes of slow weights before training, and the interactions, those to begin with."""
        content = content_of(encoders.items, encoders.contents(dataset))
        return partial(self._begin, content, seed)

    def _begin(
        self, content: csr_array, seed: int, slow: Slow, interactions: csr_array
    ) -> dict[str, Tensor]:
        users, vectors = interactions.shape[0], slow["item_vectors"]
        weight = CONTENT_FADES / (CONTENT_FADES + users)
        items, values = nearest(with_content(interactions, content, weight), shrinkage=0)
        contents = content_vectors(content, vectors.shape[1], seed)
        return {
            **slow,
            **self.rules_for(slow),
            "item_vectors": blended_vectors(vectors, contents, users, seed),
            "cosine_items": items,
            "cosine_values": values,
        }

    def rules_for(self, slow: Slow) -> dict[str, Tensor]:
        """The inner loop's tensors, for item vectors as wide as those of `slow`."""
        return {name: resized(rule, slow[name]) for name, rule in self.rules.items()}

    def tables_for(self, users: int) -> dict[str, Tensor]:
        """[51] each, before anybody has been asked, where so many users train."""
        share = users / (users + USERS_TO_TEACH) if self.users else 0.0
        tables: dict[str, Tensor] = {}
        for name in self.names:
            beginning = torch.tensor(interpolated(UNTAUGHT.get(name, {0: 0.0})))
            tables[name] = torch.lerp(beginning, self.tables.get(name, beginning), share)
        return tables

    def beside(self, own: Blends, crossed: ByShots, users: int) -> Blends:
        """`own` as far as many validation users chose it, else what is expected.

        Its metrics go on saying what was chosen from.

        Args:
            own: what validation users chose.
            crossed: what users chose who judged each other, if there are few; else empty.
            users: how many trained.
        """
        asked = {int(shots): marks["users"] for shots, marks in own.metrics.items()}
        trust = {shots: count / (count + USERS_TO_CHOOSE) for shots, count in asked.items()}
        share = torch.tensor(interpolated(trust))
        vouched = {shots: trust[shots] * (count > 1) for shots, count in asked.items()}
        of_gate = torch.tensor(interpolated(vouched))  # of it one user alone tells nothing
        tables: dict[str, tuple[float, ...]] = {}
        for name, carried in self.tables_for(users).items():
            judged = torch.tensor(crossed.get(name, carried.tolist()))
            expected = torch.lerp(carried, judged, users / (users + USERS_TO_JUDGE))
            chosen = torch.tensor(own.tables.get(name, expected.tolist()))
            part = of_gate if name == "gate" else share
            tables[name] = tuple(torch.lerp(expected, chosen, part).tolist())
        return replace(own, tables=tables)


def resized(rule: Tensor, like: Tensor) -> Tensor:
    """`rule` for vectors of another width: what it says of the last direction holds for further.

    >>> resized(torch.tensor([[3.0, 2.0]]), torch.zeros(1, 4))
    tensor([[3., 2., 2., 2.]])

    Rules of another number of inner steps do not fit, and are left as in `like`.
    """
    if rule.shape[:-1] != like.shape[:-1]:
        return like
    if not rule.dim() or rule.shape == like.shape:
        return rule.clone()
    columns = torch.arange(like.shape[-1]).clamp_max(rule.shape[-1] - 1)
    return rule[..., columns]


def begun_lightly(
    algorithm: Trainable,
    config: TrainConfig,
    carry: Carry,
    interactions: csr_array,
    features: int,
) -> dict[str, Tensor]:
    """Slow weights as training begins, less those memories that need many users.

    From interactions [U, N]; users have so many `features`.
    """
    width = config.ranker.for_users(interactions.shape[0]).dimension or 1
    memories = {
        "cosine": nothing(interactions.shape[1]),
        "shrunk": nothing(interactions.shape[1]),
        "regression": nothing(interactions.shape[1]),
        "profile": nothing(features),
    }
    vectors = item_vectors(interactions, width, config.seed)
    slow = algorithm.assembled(vectors, log_popularity(interactions), memories, config.seed)
    return carry(slow, interactions)


def nothing(sources: int) -> Rows:
    """A memory in which so many sources bring nothing to mind."""
    return torch.zeros(sources, 1, dtype=torch.int32), torch.zeros(sources, 1)
