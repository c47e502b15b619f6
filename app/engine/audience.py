"""How much of each person's interest one item has: the ranking of people for an item."""

import numpy as np
import torch
from torch import Tensor

from app.engine.device import Device
from app.engine.nominate import added_to
from app.engine.packing import pack
from app.engine.pools import Asked
from app.engine.ranker import adapt
from app.engine.request import RankRequest
from app.engine.snapshot import Snapshot


def interest(
    device: Device, snapshot: Snapshot, requests: list[RankRequest], item_id: str
) -> list[float]:
    """[B] the log of the item's share of each one's odds among the items that matter most.

    Scores are logarithms of odds for one person; only as a share of all can those of different
    people be compared. Hidden items have a share too, so that a new one can be asked about first.
    """
    batch = pack(snapshot, requests)
    personal, recollection = adapt(device, snapshot, batch)
    asked = Asked(batch, personal, recollection, None, {})
    row = torch.tensor([snapshot.layout.row(item_id)], device=device.torch)
    rows = torch.cat([row, _others(snapshot, row)])
    vectors = snapshot.layout.rows(rows).to(device.precision)
    scores = snapshot.frozen.algorithm.score(snapshot.frozen.slow, personal, vectors)
    added = torch.stack(
        [added_to(device, snapshot, asked, entity, rows) for entity in range(len(requests))]
    )
    shares: Tensor = (scores + added.to(scores)).log_softmax(dim=1)[:, 0]
    return [float(share) for share in np.round(shares.cpu().double().numpy(), 6)]


def _others(snapshot: Snapshot, row: Tensor) -> Tensor:
    first = snapshot.frozen.first
    return first[first != row]
