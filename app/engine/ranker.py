"""Adapt, nominate, score, cut: one batch, on the device thread."""

from time import perf_counter

import numpy as np
import torch

from app.engine.device import Device
from app.engine.nominate import nominate
from app.engine.pools import Asked
from app.engine.port import RankBatch, RankedBatch
from app.engine.snapshot import Snapshot
from app.engine.wishes import wished
from models.shapes import Features, Personal, Recollection, Support


def rank(device: Device, snapshot: Snapshot, batch: RankBatch) -> RankedBatch:
    """[B] entities -> [B, M] live rows, best first.

    The neighbours in a batch must not change an entity's list: fast weights are computed in double
    precision and kept in single, the nominated rows are scored again in double precision, and
    scores are rounded to six decimals. Ties are left for the caller to break by item id.
    """
    started = perf_counter()
    algorithm, slow = snapshot.frozen.algorithm, snapshot.frozen.slow
    personal, recollection = adapt(device, snapshot, batch)
    adapted = perf_counter()
    directions = snapshot.frozen.served.directions(personal)
    added = {wishes: wished(wishes, snapshot.columns) for wishes in set(batch.wishes) if wishes}
    asked = Asked(batch, personal, recollection, directions, added)
    nominated = nominate(device, snapshot, asked)
    rows = snapshot.layout.rows(nominated.rows).to(device.precision)
    if directions is None:
        exact = algorithm.score(slow, personal, rows)
    else:
        exact = torch.einsum("bd,bmd->bm", directions, rows)
    exact = exact + nominated.added
    scores = exact.masked_fill(~nominated.used, -torch.inf).cpu().double().numpy()
    return RankedBatch(
        rows=np.where(np.isfinite(scores), nominated.rows.cpu().numpy(), -1),
        scores=np.round(scores, 6),
        fast=torch.cat([personal.fast, personal.gate.unsqueeze(1)], dim=1).float().cpu().numpy(),
        gates=personal.gate.cpu().double().numpy(),
        adapt_seconds=adapted - started,
        rank_seconds=perf_counter() - adapted,
    )


def adapt(device: Device, snapshot: Snapshot, batch: RankBatch) -> tuple[Personal, Recollection]:
    """What scoring needs to know of B entities, in double precision."""
    frozen = snapshot.frozen
    support = Support(
        device.rows(batch.support_items),
        torch.from_numpy(batch.support_weights).to(device.torch, device.precision),
    )
    profile = frozen.profiles(batch.profiles)
    personal = _personalise(device, snapshot, batch, support, profile)
    return personal, frozen.served.recollect(personal, support, profile)


def _personalise(
    device: Device, snapshot: Snapshot, batch: RankBatch, support: Support, profile: Features
) -> Personal:
    """Fast weights and gate, rounded to single precision; computed where none were cached."""
    frozen = snapshot.frozen
    if profile.columns.shape[1]:
        prior = frozen.algorithm.prior(frozen.slow, profile)
    else:
        prior = frozen.stranger.prior.expand(len(batch.cached), -1)
    cached = torch.from_numpy(batch.fast).to(device.torch)
    stale = device.rows(np.flatnonzero(~batch.cached))
    if len(stale):
        pending = Support(support.items[stale], support.weights[stale])
        fast, gate = frozen.served.personalise(prior[stale], pending)
        cached[stale] = torch.cat([fast, gate.unsqueeze(1)], dim=1).float()
    precise = cached.to(device.precision)
    return Personal(prior, precise[:, :-1], precise[:, -1], support.shots)
