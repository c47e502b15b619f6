"""Laws of a dislike beside any likes, for every algorithm where training starts.

A dislike that weighs as much as a like lowers what it is about and what is like it. One that weighs
less also takes from the likes' share of the inner loop's loss, so only the memories' part of the
law holds for any weight.
"""

from functools import cache

import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import Tensor

from models import algorithms
from models.algorithms.interface import Trainable
from models.algorithms.scoring import personalise
from models.config import RankerConfig
from models.shapes import Features, Support
from tests.models.algorithms.given import ITEMS, scores_of, with_tables
from tests.models.generated_data import KINDS, generated_interactions, generated_tastes

SMALL = RankerConfig(dimension=8, negatives=32)
BY_NEARNESS = {"cosine_weight": 0.4, "shrunk_weight": 0.4}
"""The memories of which no value is negative: they say who is alike, not who is unlike."""

often = settings(max_examples=60, deadline=None)
names = st.sampled_from(algorithms.names())
events = st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=13, unique=True)
"""The first is disliked, the others are liked."""


@cache
def given_algorithm(name: str) -> tuple[Trainable, dict[str, Tensor]]:
    """With memories in force, an open gate, and tables that are the same for any shots."""
    algorithm = algorithms.trainable(name, SMALL.for_users(300))
    met = generated_interactions(300, ITEMS)
    start = algorithm.initial(met, generated_tastes(met), seed=5)
    tables = dict.fromkeys(algorithm.blended(), 0.0) | {"gate": 1.0, "reach": 1.0} | BY_NEARNESS
    slow = with_tables(start, tables)
    return algorithm, {
        key: value.double() if value.is_floating_point() else value for key, value in slow.items()
    }


def without_and_with(items: list[int], weight: float) -> Support:
    """Two entities with the same likes; the second dislikes the first item."""
    weights = torch.ones(2, len(items), dtype=torch.float64)
    weights[:, 0] = torch.tensor([0.0, -weight])
    return Support(torch.tensor([items, items]), weights)


def alike(items: list[int]) -> Tensor:
    """[N] bool: items of the kind of the disliked one that the support does not name."""
    similar = torch.arange(ITEMS) % KINDS == items[0] % KINDS
    similar[items] = False
    return similar


@often
@given(names, events, st.floats(1.0, 4.0))
def test_a_dislike_lowers_its_item_and_what_is_like_it(
    name: str, items: list[int], weight: float
) -> None:
    algorithm, slow = given_algorithm(name)
    support = without_and_with(items, weight)
    without, beside = scores_of(algorithm, slow, support, Features.none(2))
    assert beside[items[0]] < without[items[0]]
    assert (beside - without)[alike(items)].mean() < 0


@often
@given(names, events, st.floats(1e-3, 4.0))
def test_no_dislike_brings_anything_to_mind(name: str, items: list[int], weight: float) -> None:
    """Memories of nearness never raise an item for a dislike, however little it weighs."""
    algorithm, slow = given_algorithm(name)
    support, nobody = without_and_with(items, weight), Features.none(2)
    personal = personalise(algorithm, slow, support, nobody)
    recalled = algorithm.recollect(slow, personal, support, nobody)
    scores = torch.zeros(2, ITEMS, dtype=torch.float64).scatter_add(1, *recalled)
    without, beside = scores
    assert (beside <= without + 1e-12).all()
    assert (beside - without)[alike(items)].sum() < 0


@often
@given(names, events, st.floats(1e-3, 4.0))
def test_a_dislike_ranks_below_a_like_of_the_same_item(
    name: str, items: list[int], weight: float
) -> None:
    algorithm, slow = given_algorithm(name)
    support = without_and_with(items, weight)
    support.weights[0, 0] = weight
    liked, disliked = scores_of(algorithm, slow, support, Features.none(2))
    assert disliked[items[0]] < liked[items[0]]
    assert (disliked - liked)[alike(items)].mean() < 0
