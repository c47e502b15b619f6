"""What meta-weights answer to whom, for those who judge them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import algorithms
from models.algorithms.scoring import score_items
from models.data import Dataset
from models.encoders import Encoders
from models.metrics import Score
from models.shapes import MOST_SHOTS, Support
from models.weights import MetaWeights


def answers(dataset: Dataset, weights: MetaWeights) -> tuple[Score, Score]:
    """Adapted to the last MOST_SHOTS of the support; and the prior: as if there were no support."""
    profiles = Encoders.from_json(weights.manifest.features).profiles(dataset)
    algorithm, slow = algorithms.get(weights.manifest.algorithm), weights.slow
    rows = algorithm.item_rows(slow)

    def adapted(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:
        support = support[:, -MOST_SHOTS:]
        slots = np.zeros((len(support), max(1, support.shape[1])), np.int64)
        slots[:, : support.shape[1]] = support
        used = torch.full(slots.shape, 1.0 if support.shape[1] else 0.0)
        given, profile = Support(torch.from_numpy(slots), used), profiles.of(users)
        return score_items(algorithm, slow, rows, given, profile)

    def prior(users: NDArray[np.int64], support: NDArray[np.int64]) -> Tensor:
        return adapted(users, support[:, :0])

    return torch.no_grad()(adapted), torch.no_grad()(prior)
