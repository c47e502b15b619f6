"""What is searched for leads to what scores high."""

import torch
from torch import Tensor

from models.algorithms.interface import Slow
from models.algorithms.maml import MAML
from models.algorithms.matching import Matching
from models.algorithms.memory import Rows
from models.algorithms.meta_sgd import MetaSGD
from models.algorithms.queries import is_searchable, queries
from models.algorithms.ranking import MEMORIES, Ranking
from models.algorithms.scoring import personalise
from models.config import RankerConfig
from models.shapes import Features, Personal, Support

ITEMS, WIDTH = 300, 6
CONFIG = RankerConfig(dimension=WIDTH, negatives=32)


def slow_of(algorithm: Ranking) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(ITEMS, WIDTH, generator=generator)
    nothing: Rows = torch.zeros(ITEMS, 1, dtype=torch.int32), torch.zeros(ITEMS, 1)
    popularity = -1 - 4 * torch.rand(ITEMS, generator=generator)
    memories = dict.fromkeys(MEMORIES, nothing)
    return algorithm.assembled(vectors, popularity, memories, seed=2)


def asked(
    algorithm: Ranking, slow: Slow, items: list[list[int]]
) -> tuple[Personal, Tensor, Tensor]:
    """The persons, the rows, and how they score them."""
    support = Support(torch.tensor(items), torch.ones(len(items), len(items[0])))
    personal = personalise(algorithm, slow, support, Features.none(len(items)))
    rows = algorithm.item_rows(slow)
    return personal, rows, algorithm.score(slow, personal, rows)


def test_around_a_single_like_the_product_is_the_score_but_for_a_constant() -> None:
    algorithm = Matching(CONFIG)
    slow = {**slow_of(algorithm), "floor": torch.tensor(-9.0)}
    personal, rows, scores = asked(algorithm, slow, [[7]])
    (found,) = queries(algorithm, slow, personal, rows.shape[1])
    apart = (found[1] @ rows.T) - scores[0]
    assert len(found) == 2
    assert float(apart.max() - apart.min()) < 1e-3


def test_the_best_of_a_matching_network_are_among_the_best_of_its_queries() -> None:
    algorithm = Matching(CONFIG)
    slow = slow_of(algorithm)
    personal, rows, scores = asked(algorithm, slow, [[1, 50, 90, 200], [7, 8, 9, 10]])
    for entity, found in enumerate(queries(algorithm, slow, personal, rows.shape[1])):
        assert len(found) == 5
        searched = set((found @ rows.T).topk(30, dim=1).indices.flatten().tolist())
        best = set(scores[entity].topk(20).indices.tolist())
        assert len(best & searched) >= 19


def test_a_person_without_likes_is_searched_by_the_linear_part_alone() -> None:
    algorithm = Matching(CONFIG)
    slow = slow_of(algorithm)
    support = Support(torch.tensor([[3]]), torch.tensor([[-1.0]]))
    personal = personalise(algorithm, slow, support, Features.none(1))
    (found,) = queries(algorithm, slow, personal, algorithm.item_rows(slow).shape[1])
    assert len(found) == 1


def test_what_can_be_searched_is_one_product_or_a_matching_network() -> None:
    assert not is_searchable(MAML(CONFIG))
    assert is_searchable(Matching(CONFIG))
    assert is_searchable(MetaSGD(CONFIG))
