"""What one answer is made from: frozen meta-weights and the live items, never changed in place.

Frozen world: the tensors of one meta-weights version; adaptation reads nothing else.
Live world: the same rows plus those of newer items, and which items may be shown now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from app.domain import Item
from app.engine.device import Device
from app.errors import WeightsRejected
from models import algorithms
from models.algorithms.interface import Algorithm
from models.algorithms.scoring import personalise
from models.shapes import Features, Support
from models.weights import MetaWeights

POPULAR_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Frozen:
    """Meta-weights on the device: the item matrix in float32, everything else in double."""

    version: str
    steps: int
    algorithm: Algorithm
    slow: Mapping[str, Tensor]
    index: Mapping[str, int]
    item_ids: tuple[str, ...]
    width: int
    """F + 1: what is cached of an entity, fast weights and gate."""

    @classmethod
    def load(cls, weights: MetaWeights, device: Device) -> "Frozen":
        algorithm = algorithms.get(weights.manifest.algorithm)
        for name in sorted(algorithm.tensors - weights.slow.keys()):
            raise WeightsRejected(weights.version, "missing; train again", name)
        slow = {
            name: tensor.to(device.torch, device.precision)
            if tensor.is_floating_point() and name not in algorithm.per_item
            else tensor.to(device.torch)
            for name, tensor in weights.slow.items()
        }
        return cls(
            version=weights.manifest.version,
            steps=weights.manifest.steps,
            algorithm=algorithm,
            slow=slow,
            index={item_id: row for row, item_id in enumerate(weights.item_ids)},
            item_ids=weights.item_ids,
            width=algorithm.prior(slow, Features.none(1)).shape[1] + 1,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    frozen: Frozen
    epoch: int
    index: Mapping[str, int]
    """Live row of each item: the frozen rows first, newer items after them."""
    item_ids: tuple[str, ...]
    rows: Tensor
    """[N, D] float32: score = query . row."""
    penalty: Tensor
    """[N] float32: 0 for items that may be shown, -inf for those that may not."""
    popular: tuple[tuple[str, float], ...]
    """What everyone gets, best first: the answer when the device cannot be asked."""
    stale_at: int | None
    """When (ms) an availability window opens or closes next."""

    @property
    def version(self) -> str:
        return self.frozen.version

    def knows(self, item_id: str) -> bool:
        return item_id in self.index

    @classmethod
    def build(
        cls,
        frozen: Frozen,
        catalogue: Mapping[str, Item],
        epoch: int,
        now: int,
        previous: "Snapshot | None" = None,
    ) -> "Snapshot":
        """Lay the catalogue over the frozen rows; rows of `previous` are reused where they fit."""
        fits = previous is not None and previous.frozen is frozen
        item_ids = previous.item_ids if previous and fits else frozen.item_ids
        index = previous.index if previous and fits else frozen.index
        rows = (
            previous.rows
            if previous and fits
            else frozen.algorithm.item_rows(frozen.slow).float().contiguous()
        )
        newer = tuple(item_id for item_id in catalogue if item_id not in index)
        if newer:
            unknown = Features.none(len(newer))
            rows = torch.cat([rows, frozen.algorithm.content_rows(frozen.slow, unknown).to(rows)])
            index = {**index, **{item_id: len(item_ids) + n for n, item_id in enumerate(newer)}}
            item_ids = item_ids + newer
        penalty = torch.zeros(len(item_ids))
        closed = [index[item.item_id] for item in catalogue.values() if not _open(item, now)]
        penalty[closed] = -torch.inf
        penalty = penalty.to(rows)
        return cls(
            frozen=frozen,
            epoch=epoch,
            index=index,
            item_ids=item_ids,
            rows=rows,
            penalty=penalty,
            popular=_popular(frozen, item_ids, rows, penalty),
            stale_at=_next_change(catalogue.values(), now),
        )


def _open(item: Item, now: int) -> bool:
    return (
        not item.hidden
        and (item.available_from is None or item.available_from <= now)
        and (item.available_until is None or now < item.available_until)
    )


def _next_change(items: Iterable[Item], now: int) -> int | None:
    moments = (
        moment
        for item in items
        for moment in (item.available_from, item.available_until)
        if moment is not None and moment > now
    )
    return min(moments, default=None)


def _popular(
    frozen: Frozen, item_ids: tuple[str, ...], rows: Tensor, penalty: Tensor
) -> tuple[tuple[str, float], ...]:
    nothing = Support(torch.zeros_like(rows[:1, :1], dtype=torch.int64), rows.new_zeros(1, 1))
    personal = personalise(frozen.algorithm, frozen.slow, nothing, Features.none(1))
    scores = frozen.algorithm.score(frozen.slow, personal, rows)[0] + penalty
    best = torch.topk(scores, min(POPULAR_LIMIT, len(item_ids)))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    open_pairs = [(item_ids[row], round(score, 6)) for row, score in pairs if score > -torch.inf]
    return tuple(sorted(open_pairs, key=lambda pair: (-pair[1], pair[0])))
