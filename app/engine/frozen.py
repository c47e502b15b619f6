"""The frozen world: one version of the meta-weights. Adaptation reads nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from app.domain import Item
from app.engine.best import best_columns
from app.engine.device import Device
from app.engine.index import Index
from app.engine.shared import shared
from app.errors import WeightsRejected
from models import algorithms
from models.algorithms import company
from models.algorithms.interface import Algorithm, Slow
from models.algorithms.newcomer import PLACING
from models.algorithms.postings import Postings
from models.algorithms.queries import is_searchable
from models.algorithms.scoring import personalise, score_items
from models.algorithms.served import Served
from models.encoders import Encoders
from models.features import Encoder
from models.shapes import Company, Features, Kin, Personal, Support
from models.weights import MetaWeights

INDEXED = 100_000
"""Items from which on an index finds the best sooner than scoring all: see docs/performance.md."""
FIRST = 4_000
"""Trained items that everyone's list is taken from, as long as enough of them may be shown."""

_NO_COMPANY = '{"users": 0, "shares": {}}'


class Newcomers(NamedTuple):
    """Of M items that training never saw."""

    rows: Tensor
    """[M, D] float32"""
    everyone: Tensor
    """[M] float32 their scores for a stranger."""
    kin: Kin
    moved: Tensor
    """[M] float32 how far they have gone over from content to company."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Meta-weights on the device: the item matrix in float32, everything else in double."""

    version: str
    steps: int
    algorithm: Algorithm
    slow: Slow
    accrual: Slow
    """The same with one popularity that stands for all: of them live events need but the sum."""
    served: Served
    """The same, prepared to adapt many at once."""
    index: Mapping[str, int]
    item_ids: tuple[str, ...]
    rows: Tensor
    """[N, D] float32: what scoring needs of each item."""
    across: Tensor
    """[D, N] the same; laid out for products with few directions unless there is an index."""
    everyone: Tensor
    """[N] float32 scores of the rows for a stranger."""
    first: Tensor
    """[M] rows of the best FIRST of these scores."""
    search: Index | None
    """Where a catalogue is too large to be scored for every list."""
    accruing: int
    """The first row that is as popular as live events say: 0 where training saw none, else N."""
    encoders: Encoders
    device: Device
    stranger: Personal
    """One person of whom nothing is known."""
    recalled: Tensor
    """[1, N] what comes to mind of one."""
    posted: Postings
    """Where the kin of newer items are found."""
    by_company: bool
    """Whether what first users know beside a newer item counts."""
    recollects_newer: bool
    """Whether what is recalled of their kin counts for newer items."""
    dislike_weight: float
    """Of a negative event, beside a positive one."""
    unknown: Features
    """[1, J] the profile of one without properties."""

    @classmethod
    def load(cls, weights: MetaWeights, device: Device) -> "Frozen":
        """Raises WeightsRejected, or whatever an algorithm makes of tensors that do not fit."""
        manifest, algorithm = weights.manifest, algorithms.get(weights.manifest.algorithm)
        for name in sorted(algorithm.tensors - weights.slow.keys()):
            raise WeightsRejected(weights.version, "missing; train again", name)
        slow = {
            name: tensor.to(device.torch, device.precision)
            if tensor.is_floating_point() and name not in algorithm.per_item
            else tensor.to(device.torch)
            for name, tensor in weights.slow.items()
        }
        encoders = Encoders.from_json(manifest.features)
        _try_all_features(algorithm, slow, encoders, device)
        unknown = _on(device, encoders.users.encode([{}]))
        no_interactions = manifest.data.get("interactions") == 0
        rows = algorithm.item_rows(slow).float().contiguous()
        nothing = _nothing(device)
        stranger = personalise(algorithm, slow, nothing, unknown)
        items, scores = algorithm.recollect(slow, stranger, nothing, unknown)
        recalled = scores.new_zeros(1, len(rows)).scatter_add(1, items, scores)
        everyone = score_items(algorithm, slow, rows, nothing, unknown)[0].float()
        _, first = best_columns(everyone.unsqueeze(0), FIRST, 0, weights.item_ids.__getitem__)
        return cls(
            version=manifest.version,
            steps=manifest.steps,
            algorithm=algorithm,
            slow=slow,
            accrual=slow | {"popularity": _sum_of_logs(slow["popularity"], device)},
            served=Served.of(algorithm, slow),
            index={item_id: row for row, item_id in enumerate(weights.item_ids)},
            item_ids=weights.item_ids,
            rows=rows,
            across=rows.T.contiguous(),
            everyone=everyone,
            first=first[0],
            search=None,
            accruing=0 if no_interactions else len(weights.item_ids),
            encoders=encoders,
            device=device,
            stranger=stranger,
            recalled=recalled,
            posted=algorithm.postings(slow),
            by_company=company.is_learned(slow),
            recollects_newer=any(
                bool(slow[table].any()) for table in (*PLACING, *company.PLACING) if table in slow
            ),
            dislike_weight=float(slow["dislike_weight"]),
            unknown=unknown,
        )

    def indexed(self, folder: Path | None) -> "Frozen":
        """With an index where that pays; what all workers need of it lies in `folder`, if any."""
        if len(self.rows) < INDEXED or not is_searchable(self.algorithm) or self.rows.is_cuda:
            return self
        if folder is None:
            return replace(self, across=self.rows.T, search=Index.build(self.rows.numpy()))
        rows = shared(folder / f"{self.version}.rows", {"rows": self.rows})["rows"]
        search = Index.shared(folder / f"{self.version}.cells", rows.numpy())
        tensors = shared(folder / f"{self.version}.postings", self.posted.tensors)
        posted = Postings(**tensors, catalogue=self.posted.catalogue)
        return replace(self, rows=rows, across=rows.T, search=search, posted=posted)

    @property
    def width(self) -> int:
        """F + 1: what is cached of an entity, fast weights and gate."""
        return self.stranger.fast.shape[1] + 1

    def signed(self, weight: float) -> float:
        """An event's weight for the inner loop: dislikes as training found them to count."""
        return weight if weight > 0 else weight * self.dislike_weight

    @property
    def gate(self) -> float:
        """How far the list of a stranger departs from popularity."""
        return round(float(self.stranger.gate[0]), 4)

    def profile(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those properties of a person that features are made of."""
        return _read(self.encoders.users, properties)

    def content(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those properties of an item that features are made of."""
        return _read(self.encoders.items, properties)

    def profiles(self, known: Sequence[Mapping[str, Any]]) -> Features:
        """[B, J] of the profiles of B people."""
        if not any(known):
            return Features(*(part.expand(len(known), -1) for part in self.unknown))
        return _on(self.device, self.encoders.users.encode(known))

    def newcomers(self, new: Sequence[Item]) -> "Newcomers":
        """What items that training never saw are, by what is known of them and their company.

        Each alone decides: in double precision its neighbours do not show.
        """
        algorithm, slow, stranger = self.algorithm, self.slow, self.stranger
        properties = [item.properties for item in new]
        content = _on(self.device, self.encoders.items.encode(properties))
        known = self._companies([item.company for item in new])
        rows = algorithm.content_rows(slow, content, known)
        kin = algorithm.kin(slow, content, known, self.posted)
        moved = company.moved(slow, known) if self.by_company else rows.new_zeros(len(rows))
        beside = algorithm.recollect_newer(
            slow, stranger, kin.mean(self.recalled), kin.shares.sum(1), moved
        )
        return Newcomers(
            rows.float(),
            (algorithm.score(slow, stranger, rows) + beside)[0].float(),
            Kin(kin.items, kin.shares.float()),
            moved.float(),
        )

    def _companies(self, told: Sequence[str]) -> Company:
        """As far as training knows the items in them."""
        companies: list[dict[str, Any]] = [json.loads(one or _NO_COMPANY) for one in told]
        known = [
            {self.index[key]: share for key, share in one["shares"].items() if key in self.index}
            for one in companies
        ]
        shape = len(told), max(1, max(map(len, known), default=0))
        items, shares = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape).double()
        for place, one in enumerate(known):
            items[place, : len(one)] = torch.tensor(list(one), dtype=torch.int64)
            found = torch.tensor(list(one.values()), dtype=torch.float64)
            shares[place, : len(one)] = found / found.sum()
        users = torch.tensor([one["users"] for one in companies], dtype=torch.float64)
        device = self.device
        return Company(
            items.to(device.torch),
            shares.to(device.torch, device.precision),
            users.to(device.torch, device.precision),
        )


def mapped(weights: MetaWeights, folder: Path | None) -> MetaWeights:
    """The same with large tensors of items in a file that all workers map."""
    if folder is None or len(weights.item_ids) < INDEXED:
        return weights
    names = algorithms.get(weights.manifest.algorithm).per_item & weights.slow.keys()
    tensors = {name: weights.slow[name] for name in names}
    slow = weights.slow | shared(folder / f"{weights.version}.tensors", tensors)
    return replace(weights, slow=slow)


def _sum_of_logs(logs: Tensor, device: Device) -> Tensor:
    """[1] the log of the sum that N logs are of."""
    return logs.to(device.precision).logsumexp(0, keepdim=True)


def _nothing(device: Device) -> Support:
    items = torch.zeros(1, 1, dtype=torch.int64, device=device.torch)
    return Support(items, torch.zeros(1, 1, dtype=device.precision, device=device.torch))


def _read(encoder: Encoder, properties: Mapping[str, Any]) -> Mapping[str, Any]:
    names = (column.name for column in encoder.columns)
    return {name: properties[name] for name in names if name in properties}


def _try_all_features(algorithm: Algorithm, slow: Slow, encoders: Encoders, device: Device) -> None:
    """Fails where an encoder makes features that the slow weights have no place for."""
    algorithm.prior(slow, _all_of(encoders.users, device))
    algorithm.content_rows(slow, _all_of(encoders.items, device), _first_item(device))


def _first_item(device: Device) -> Company:
    """The company of one user, who knows the first item alone."""
    items = torch.zeros(1, 1, dtype=torch.int64, device=device.torch)
    one = torch.ones(1, device=device.torch)
    return Company(items, one.unsqueeze(0), one)


def _all_of(encoder: Encoder, device: Device) -> Features:
    """One row that has every feature."""
    columns = torch.arange(encoder.size).unsqueeze(0)
    return _on(device, Features(columns, torch.ones(columns.shape)))


def _on(device: Device, features: Features) -> Features:
    return Features(features.columns.to(device.torch), features.values.to(device.torch))
