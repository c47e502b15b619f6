"""Meta-SGD before any training: the vectors that it starts from already know what is similar."""

import pytest
import torch
from torch import Tensor

from models.algorithms.meta_sgd import MetaSGD
from models.config import RankerConfig
from models.inner import Rule, adapt_ranking_head
from models.shapes import Features, Support
from tests.models.algorithms.given import ITEMS, scores_of, with_tables
from tests.models.generated_data import KINDS, generated_interactions, generated_tastes

ALGORITHM = MetaSGD(RankerConfig(dimension=8, negatives=32))


@pytest.fixture(scope="module")
def slow() -> dict[str, Tensor]:
    met = generated_interactions(300, ITEMS)
    start = ALGORITHM.initial(met, generated_tastes(met), seed=5)
    return with_tables(start, {"gate": 1.0})


def test_a_like_raises_its_kind_and_a_dislike_lowers_it(slow: dict[str, Tensor]) -> None:
    """Items of one kind are met by the same users, see the generator."""
    for item in range(12):
        similar = (torch.arange(ITEMS) % KINDS == item % KINDS) & (torch.arange(ITEMS) != item)
        given = Support(torch.tensor([[item]] * 3), torch.tensor([[0.0], [1.0], [-1.0]]))
        neutral, liked, disliked = scores_of(ALGORITHM, slow, given, Features.none(3))
        for changed, direction in ((liked, 1), (disliked, -1)):
            shift = (changed - neutral) * direction
            assert shift[similar].mean() > 0
            assert shift[similar].mean() > shift[~similar].mean()


def test_a_dislike_beside_likes_lowers_its_kind(slow: dict[str, Tensor]) -> None:
    similar = (torch.arange(ITEMS) % KINDS == 1) & (torch.arange(ITEMS) != 5)
    given = Support(
        torch.tensor([[0, 4, 5]] * 2), torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, -1.0]])
    )
    scores = scores_of(ALGORITHM, slow, given, Features.none(2))
    without, with_dislike = scores.log_softmax(-1)
    assert with_dislike[similar].mean() < without[similar].mean()


def test_the_inner_loop_is_the_shared_one(slow: dict[str, Tensor]) -> None:
    given = Support(torch.tensor([[3, 9], [4, 0]]), torch.tensor([[1.0, -0.5], [2.0, 0.0]]))
    prior = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    rule = Rule(prior, slow["steps"], slow["rho"], slow["pull"], slow["threshold"])
    expected = adapt_ranking_head(ALGORITHM.task(slow, given), rule)
    assert torch.equal(ALGORITHM.adapt(slow, prior, given), expected)
