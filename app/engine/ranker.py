"""Adapt, score, mask, top-k: one batch, on the device thread."""

from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from app.engine.best import best_rows
from app.engine.device import Device
from app.engine.port import RankBatch, RankedBatch
from app.engine.snapshot import Snapshot
from models.shapes import Features, Personal, Support

MARGIN = 32
"""Candidates beyond k that are scored again in double precision before the cut."""


def rank(device: Device, snapshot: Snapshot, batch: RankBatch) -> RankedBatch:
    """[B] entities -> [B, M] live rows, best first.

    The neighbours in a batch must not change an entity's list: fast weights are computed in double
    precision and kept in single, the best k + MARGIN rows are scored again in double precision, and
    scores are rounded to six decimals. Ties are left for the caller to break by item id.
    """
    started = perf_counter()
    algorithm, slow = snapshot.frozen.algorithm, snapshot.frozen.slow
    support = Support(
        _index(device, batch.support_items),
        torch.from_numpy(batch.support_weights).to(device.torch, device.precision),
    )
    profile = snapshot.frozen.profiles(batch.profiles)
    personal = _personalise(device, snapshot, batch, support, profile)
    recollection = algorithm.recollect(slow, personal, support, profile)
    adapted = perf_counter()
    recalled = torch.zeros(len(batch.fast), len(snapshot.rows), device=device.torch)
    recalled.scatter_add_(1, recollection.items, recollection.scores.float())
    added = recalled + snapshot.offsets
    scores = algorithm.score(slow, personal, snapshot.rows) + added
    scores[_index(device, batch.excluded[0]), _index(device, batch.excluded[1])] = -torch.inf
    for entity, candidates in enumerate(batch.candidates):
        if candidates is not None:
            wanted = _index(device, candidates)
            only = torch.full_like(scores[entity], -torch.inf)
            only[wanted] = scores[entity, wanted]
            scores[entity] = only
    values, best = best_rows(scores, batch.results, MARGIN, snapshot.item_ids)
    chosen = snapshot.rows[best].to(device.precision)
    exact = algorithm.score(slow, personal, chosen) + added.gather(1, best)
    exact = exact.masked_fill(values == -torch.inf, -torch.inf)
    return RankedBatch(
        rows=np.where(torch.isfinite(exact).cpu().numpy(), best.cpu().numpy(), -1),
        scores=np.round(exact.cpu().double().numpy(), 6),
        fast=torch.cat([personal.fast, personal.gate.unsqueeze(1)], dim=1).float().cpu().numpy(),
        gates=personal.gate.cpu().double().numpy(),
        adapt_seconds=adapted - started,
        rank_seconds=perf_counter() - adapted,
    )


def _personalise(
    device: Device, snapshot: Snapshot, batch: RankBatch, support: Support, profile: Features
) -> Personal:
    """Fast weights and gate, rounded to single precision; computed where none were cached."""
    algorithm, slow = snapshot.frozen.algorithm, snapshot.frozen.slow
    prior = algorithm.prior(slow, profile)
    cached = torch.from_numpy(batch.fast).to(device.torch)
    stale = _index(device, np.flatnonzero(~batch.cached))
    if len(stale):
        pending = Support(support.items[stale], support.weights[stale])
        fast, gate = snapshot.frozen.served.personalise(prior[stale], pending)
        cached[stale] = torch.cat([fast, gate.unsqueeze(1)], dim=1).float()
    precise = cached.to(device.precision)
    return Personal(prior, precise[:, :-1], precise[:, -1], support.shots)


def _index(device: Device, values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64)).to(device.torch)
