"""Meta-SGD on the ranking head (Li et al. 2017, "Meta-SGD: Learning to Learn Quickly").

score(item) = (1 - g) popularity + g (r w . e + b + m sum_i a_i nearness(i, item)): the fast weights
are w alone, adapted on the support's items i with weights a_i; everything else is slow. The gate g,
the reach r of w and the weight m of the memory are tables by shots. The popularity never moves, so
that a closed gate is exactly the popularity ranking.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from scipy.sparse import csr_array
from torch import Generator, Tensor
from torch.nn.functional import embedding

from models.algorithms.interface import Retrieval, Slow
from models.algorithms.neighbours import nearest_items
from models.algorithms.ranking_start import draw_negatives, item_vectors, log_popularity
from models.config import RankerConfig
from models.inner import Rule, adapt_ranking_head
from models.losses import query_loss
from models.shapes import MOST_SHOTS, Episode, RankingTask, Recollection, Support

_PER_ITEM = frozenset({"item_vectors", "item_biases", "popularity", "near_items", "nearness"})
_SHARED = frozenset(
    {"prior", "steps", "rho", "pull", "threshold", "gate", "reach", "memory"}
    | {"negatives", "negative_log_q"}
)


@dataclass(frozen=True, slots=True)
class MetaSGD:
    """Slow weights, by name (N items, width d, T inner steps, M sampled negatives):

    item_vectors [N, d], item_biases [N], popularity [N] (log of the smoothed rate), prior [d],
    steps [T, d], rho [], pull [d], threshold [], near_items [N, J] int32 and nearness [N, J] (the
    memory), gate, reach and memory [51] (by shots, gate[0] = 0), negatives [M] int64 (item rows),
    negative_log_q [M] (log of M times the chance to be drawn).
    """

    config: RankerConfig = field(default_factory=RankerConfig)
    """Read by training only: serving finds all it needs in the shapes of the slow weights."""
    name: str = "meta-sgd"
    retrieval: Retrieval = "dot"
    per_item: frozenset[str] = _PER_ITEM
    tensors: frozenset[str] = _PER_ITEM | _SHARED

    def prior(self, slow: Slow, entities: int) -> Tensor:
        return slow["prior"].to(slow["rho"].dtype).expand(entities, -1)

    def adapt(self, slow: Slow, support: Support) -> Tensor:
        precise = slow["rho"].dtype
        items, negatives = support.items, slow["negatives"]
        weights = support.weights.to(precise)
        hits = (items.unsqueeze(-1) == negatives) & (weights != 0).unsqueeze(-1)
        vectors, biases = slow["item_vectors"], slow["item_biases"].unsqueeze(-1)
        sampled = embedding(negatives, biases).squeeze(-1).to(precise)
        task = RankingTask(
            vectors=embedding(items, vectors).to(precise),
            biases=embedding(items, biases).squeeze(-1).to(precise),
            weights=weights,
            negatives=embedding(negatives, vectors).to(precise),
            corrections=sampled - slow["negative_log_q"].to(precise),
            hits=hits.any(1),
        )
        names = ("prior", "steps", "rho", "pull", "threshold")
        rule = Rule(*(slow[name].to(precise) for name in names))
        return adapt_ranking_head(task, rule, first_order=self.config.first_order)

    def item_rows(self, slow: Slow) -> Tensor:
        columns = slow["item_biases"], slow["popularity"]
        return torch.cat([slow["item_vectors"], torch.stack(columns, dim=1)], dim=1)

    def new_item_row(self, slow: Slow) -> Tensor:
        """Nothing is known of the item but that it is as popular as items are on average."""
        rate = slow["popularity"].exp().mean().log()
        return torch.cat([torch.zeros_like(slow["item_vectors"][0]), rate.expand(2)])

    def query(self, slow: Slow, fast: Tensor, shots: Tensor) -> Tensor:
        gate = self.gate(slow, shots).unsqueeze(-1)
        reach = _at(slow, "reach", shots).unsqueeze(-1)
        return torch.cat([gate * reach * fast, gate, 1 - gate], dim=-1)

    def recollect(self, slow: Slow, support: Support) -> Recollection:
        """The nearest items of the support, each by its share of the shots times their root."""
        shots = support.shots
        least = torch.finfo(shots.dtype).tiny
        trust = self.gate(slow, shots) * _at(slow, "memory", shots) * shots.clamp_min(least).rsqrt()
        weights = support.weights.to(trust) * trust.unsqueeze(-1)
        scores = slow["nearness"][support.items] * weights.unsqueeze(-1)
        return Recollection(slow["near_items"][support.items].flatten(1).long(), scores.flatten(1))

    def gate(self, slow: Slow, shots: Tensor) -> Tensor:
        return _at(slow, "gate", shots)

    def outer_loss(self, slow: Slow, episode: Episode, generator: Generator | None) -> Tensor:
        fast = self.adapt(slow, episode.support)
        dropout = self.config.dropout or 0.0
        if generator is not None and dropout:
            kept = torch.rand(fast.shape, generator=generator) >= dropout
            fast = fast * kept.to(fast) / (1 - dropout)
        scores = fast @ slow["item_vectors"].T + slow["item_biases"]
        return query_loss(scores, episode.support, episode.query, self.config.size_power)

    def initial(self, interactions: csr_array, seed: int) -> dict[str, Tensor]:
        config = self.config.for_users(interactions.shape[0])
        width = config.dimension or 1
        popularity = log_popularity(interactions)
        near_items, nearness = nearest_items(interactions)
        slow = {
            "item_vectors": item_vectors(interactions, width, seed),
            "item_biases": popularity.clone(),
            "popularity": popularity,
            "prior": torch.zeros(width),
            "steps": torch.full((config.steps, width), config.step_size),
            "rho": torch.tensor(0.5),
            "pull": torch.full((width,), -4.0),
            "threshold": torch.tensor(0.0),
            "near_items": near_items,
            "nearness": nearness,
            "gate": torch.cat([torch.zeros(1), torch.ones(MOST_SHOTS)]),
            "reach": torch.ones(MOST_SHOTS + 1),
            "memory": torch.zeros(MOST_SHOTS + 1),
        }
        return self.redraw(slow, torch.Generator().manual_seed(seed))

    def rates(self) -> Mapping[str, float]:
        config = self.config
        inner = dict.fromkeys(("prior", "steps", "rho", "pull"), config.inner_rate)
        return {"item_vectors": config.vector_rate, "item_biases": config.bias_rate, **inner}

    def blends(self) -> Mapping[str, Sequence[float]]:
        return {
            "reach": (0.35, 0.5, 0.7, 1.0, 1.4, 2.0),
            "memory": (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0),
            "gate": tuple(step / 10 for step in range(11)),
        }

    def redraw(self, slow: Slow, generator: Generator) -> dict[str, Tensor]:
        rows, log_q = draw_negatives(slow["popularity"], self.config.negatives, generator)
        return {**slow, "negatives": rows, "negative_log_q": log_q}


def _at(slow: Slow, table: str, shots: Tensor) -> Tensor:
    """[B] values of a table by shots; between whole numbers of shots they are interpolated."""
    values = slow[table].to(slow["rho"].dtype)
    place = shots.to(values).clamp(0, len(values) - 1)
    low, high = place.floor().long(), place.ceil().long()
    return torch.lerp(values[low], values[high], place - low)
