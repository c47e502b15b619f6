"""What the promises are tried on: slow weights of one algorithm, supports, profiles, episodes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import pytest
import torch
from torch import Tensor

from models import algorithms, weights
from models.algorithms.interface import Algorithm, Trainable
from models.algorithms.scoring import score_items
from models.config import RankerConfig, TrainConfig
from models.data import Dataset
from models.shapes import Episode, Features, Support
from models.train import train
from models.weights import MetaWeights
from tests.models.generated_data import (
    KINDS,
    generated_dataset,
    generated_interactions,
    generated_tastes,
)

Slow: TypeAlias = dict[str, Tensor]

ITEMS, ENTITIES, SLOTS = 60, 6, 8
CONFIG = RankerConfig(dimension=8, negatives=32).for_users(300)
TRAINING = TrainConfig(steps=60, users=32, check_every=20, ranker=CONFIG)
OPEN, CLOSED = {"gate": 1.0}, {"gate": 0.0}


class Given:
    """Subclasses say the `name` of a registered algorithm."""

    @pytest.fixture(scope="class")
    @classmethod
    def algorithm(cls, name: str) -> Trainable:
        return algorithms.trainable(name, CONFIG)

    @pytest.fixture(scope="class")
    @classmethod
    def start(cls, algorithm: Trainable) -> Slow:
        """Where training starts."""
        met = generated_interactions(300, ITEMS)
        return algorithm.initial(met, generated_tastes(met), seed=5)

    @pytest.fixture(scope="class")
    @classmethod
    def anywhere(cls, algorithm: Trainable, start: Slow) -> Slow:
        """Somewhere training might get to: nothing is zero, and every part of a score counts."""
        random = torch.Generator().manual_seed(1)
        moved = {
            name: start[name] + 0.1 * torch.randn(start[name].shape, generator=random)
            for name in sorted({*algorithm.rates(), "profile_map"})
        }
        return with_tables(start | moved, OPEN | all_in_force(algorithm))

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, algorithm: Trainable, anywhere: Slow) -> Slow:
        """The same as the engine keeps it: all but the item matrix in double precision."""
        return {
            name: value.double()
            if value.is_floating_point() and name not in algorithm.per_item
            else value
            for name, value in anywhere.items()
        }

    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
        return generated_dataset(tmp_path_factory.mktemp("generated"), items=ITEMS)

    @pytest.fixture(scope="class")
    @classmethod
    def trained(
        cls, name: str, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
    ) -> MetaWeights:
        out = tmp_path_factory.mktemp("weights")
        manifest = train(dataset, replace(TRAINING, algorithm=name), out)
        return weights.load(out, manifest.version)


def some_support() -> Support:
    """Likes, dislikes and unused slots; the first entity did nothing, the second only dislikes."""
    random = torch.Generator().manual_seed(6)
    items = torch.stack([torch.randperm(ITEMS, generator=random)[:SLOTS] for _ in range(ENTITIES)])
    events = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 3.0])
    weights = events[torch.randint(len(events), items.shape, generator=random)]
    weights[0] = 0
    weights[1] = -weights[1].abs()
    return Support(items, weights)


def some_profile() -> Features:
    """One to three features of each entity."""
    random = torch.Generator().manual_seed(7)
    columns = torch.stack([torch.randperm(KINDS, generator=random)[:3] for _ in range(ENTITIES)])
    values = torch.rand(columns.shape, generator=random) + 0.2
    values[::2, 1:] = 0
    return Features(columns, values)


def some_episode() -> Episode:
    """The support's likes only, as in training, and a query beside it."""
    support = some_support()
    liked = Support(support.items, support.weights.clamp_min(0).sign())
    random = torch.Generator().manual_seed(8)
    query = (torch.rand(ENTITIES, ITEMS, generator=random) < 0.15).float()
    return Episode(liked, some_profile(), query.scatter(1, support.items, 0))


def all_in_force(algorithm: Trainable) -> dict[str, float]:
    """Some weight for every part of a score, and some caution."""
    return dict.fromkeys(algorithm.blended(), 0.4) | {"caution": 0.1}


def adaptation_alone(algorithm: Trainable) -> dict[str, float]:
    """No help of the memories."""
    return dict.fromkeys(algorithm.blended(), 0.0) | {"prior_weight": 1.0, "reach": 1.0}


def with_tables(slow: Mapping[str, Tensor], tables: Mapping[str, float]) -> Slow:
    """`slow` with tables that hold one value for any number of shots."""
    return {**slow, **{name: torch.full_like(slow[name], at) for name, at in tables.items()}}


def scores_of(
    algorithm: Algorithm, slow: Mapping[str, Tensor], support: Support, profile: Features
) -> Tensor:
    """[B, N] in the precision of the tables."""
    rows = algorithm.item_rows(slow).to(slow["gate"])
    return score_items(algorithm, slow, rows, support, profile)


def rows_of(support: Support, rows: Sequence[int]) -> Support:
    return Support(support.items[rows], support.weights[rows])


def close(actual: Tensor, expected: Tensor, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)
