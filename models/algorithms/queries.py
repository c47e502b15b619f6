"""What an index of item rows is to be searched for by a matching network, which is no dot product.

It looks at many items at once: it scores high what is near to any one of them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from models.algorithms.interface import Algorithm, Slow
from models.algorithms.matching import Matching
from models.algorithms.ranking import DotRanking
from models.algorithms.recall import at_shots
from models.shapes import MOST_SHOTS, Personal

LIKES = 8
"""Of one entity that are looked around at most, the strongest ones."""


def is_searchable(algorithm: Algorithm) -> bool:
    """By one product with `Served.directions`, or by `queries`."""
    return isinstance(algorithm, DotRanking | Matching)


def queries(algorithm: Matching, slow: Slow, personal: Personal, width: int) -> Iterator[Tensor]:
    """For each of B entities [Q, D] vectors: its best rows have a high product with one of them.

    The linear part alone, and with a pull towards each of the items liked most:
    t log sum_i exp(cos_i / t) is no less than the largest cosine, and little more.
    """
    units = torch.eye(width, device=personal.gate.device)
    size = len(slow["linear_head"])
    seen = personal.fast[:, size:].view(-1, MOST_SHOTS, size + 1)
    alone = pad(personal.fast[:, :size], (0, personal.fast.shape[1] - size))
    linear = algorithm.score(slow, personal._replace(fast=alone), units)
    slope = personal.gate * at_shots(slow, "reach", personal.shots) * slow["log_scale"].exp()
    likes = seen[..., -1].topk(LIKES, dim=1)
    for base, steep, weights, places, known in zip(
        linear, slope, *likes, seen[..., :-1], strict=True
    ):
        towards = steep * normalize(known[places[weights > 0]], dim=-1, eps=1e-6)
        pulls = pad(towards, (size, 2)).to(base)
        yield torch.cat([base.unsqueeze(0), base + pulls])
