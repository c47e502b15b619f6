"""A few scores that meta-weights gave when they were made, to tell whether they still do."""

import torch

from models import algorithms
from models.algorithms.interface import Algorithm, Slow
from models.algorithms.scoring import score_items
from models.errors import WeightsError
from models.shapes import Features, Support
from models.weights import Json, MetaWeights

SHOTS, ITEMS = 3, 20
TOLERANCE = 1e-3


def smoke(algorithm: Algorithm, slow: Slow) -> Json:
    """How somebody of whom only a liking of the most popular items is known would be scored.

    `support` and `items` are rows of the item matrix; `scores` those of `items`.
    """
    popular = slow["popularity"].argsort(descending=True, stable=True)
    support, items = popular[:SHOTS].tolist(), popular[:ITEMS].tolist()
    return {"support": support, "items": items, "scores": _scores(algorithm, slow, support, items)}


def check(weights: MetaWeights) -> None:
    """Score again what the manifest tells of, if it does.

    Raises:
        WeightsError: this code makes something else of the tensors.
    """
    told = weights.manifest.smoke
    if told is None:
        return
    algorithm = algorithms.get(weights.manifest.algorithm)
    found = _scores(algorithm, weights.slow, told["support"], told["items"])
    worst = max((abs(a - b) for a, b in zip(found, told["scores"], strict=True)), default=0.0)
    if not worst <= TOLERANCE:
        raise WeightsError(
            weights.version,
            f"scores differ by {worst:.3g} from those at training; train again with this version",
        )


def _scores(algorithm: Algorithm, slow: Slow, support: list[int], items: list[int]) -> list[float]:
    with torch.no_grad():
        given = Support(torch.tensor([support]), torch.ones(1, len(support)))
        found = score_items(algorithm, slow, algorithm.item_rows(slow), given, Features.none(1))
    return [round(score, 5) for score in found[0, items].double().tolist()]
