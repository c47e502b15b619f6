"""The estimate of a policy that never served, against what it would truly have earned."""

from itertools import permutations
from math import isclose, prod

import numpy as np
import pytest
from numpy.typing import NDArray

from app.services.intervals import Interval
from app.services.offpolicy import LARGEST_WEIGHT, Trace, evaluate
from app.services.reorder import chances, explore

ITEMS, K, TEMPERATURE = 5, 2, 0.7
PEOPLE, LISTS_EACH = 150, 2
CLICKS = np.array([0.05, 0.5, 0.1, 0.3, 0.2])
"""Of each item at the first rank; a second rank gets 60% of that."""
DECAY = 0.6
Scores = NDArray[np.float64]
SERVING = np.array([2.0, 0.4, 1.0, 0.2, 0.6])
BETTER = np.array([0.2, 1.4, 0.4, 1.0, 0.8])


def truth(scores: Scores) -> float:
    """Clicks for an item shown, over all lists that a policy may draw."""
    return sum(
        prod(chances(list(scores), drawn, TEMPERATURE))
        * float(CLICKS[drawn[0]] + DECAY * CLICKS[drawn[1]])
        / K
        for drawn in permutations(range(ITEMS), K)
    )


def simulated(seed: int, wanted: Scores, serving: Scores = SERVING) -> list[Trace]:
    random = np.random.default_rng(seed)
    traces = []
    for person in range(PEOPLE):
        for _ in range(LISTS_EACH):
            draw = explore(list(serving), K, TEMPERATURE, int(random.integers(2**53)))
            drawn = [place for place, _ in draw]
            clicked = [
                bool(random.random() < CLICKS[place] * DECAY**rank)
                for rank, place in enumerate(drawn)
            ]
            traces.append(
                Trace(
                    person=str(person),
                    logged=[chance for _, chance in draw],
                    wanted=chances(list(wanted), drawn, TEMPERATURE),
                    seen=[True] * K,
                    clicked=clicked,
                    positive=[False] * K,
                )
            )
    return traces


def covers(interval: Interval | None, value: float) -> bool:
    assert interval is not None
    return interval.low <= value <= interval.high


def test_the_interval_covers_what_the_other_policy_would_truly_earn() -> None:
    earned, served = truth(BETTER), truth(SERVING)
    assert earned > 1.3 * served
    found = [evaluate(simulated(seed, BETTER)) for seed in range(100)]
    covered = [covers(one.click_rate, earned) for one in found]
    assert sum(covered) >= 90
    rates = [one.click_rate for one in found if one.click_rate is not None]
    mistaken = [covers(one.click_rate, served) for one in found]
    assert sum(mistaken) < 40
    assert isclose(float(np.mean([one.value for one in rates])), earned, rel_tol=0.03)


def test_the_policy_that_served_is_estimated_by_what_happened() -> None:
    traces = simulated(0, SERVING)
    found = evaluate(traces)
    clicks = sum(sum(trace.clicked) for trace in traces)
    assert found.click_rate is not None
    assert found.click_rate.value == round(clicks / found.impressions, 4)
    assert (found.effective, found.mean_weight, found.clipped) == (found.impressions, 1.0, 0.0)
    assert found.positive_rate == Interval(0.0, 0.0, 0.0)


def test_what_differs_more_is_known_less() -> None:
    near, far = [evaluate(simulated(1, scores)) for scores in (SERVING + 0.2 * BETTER, BETTER)]
    assert near.effective > far.effective
    assert isclose(near.mean_weight, 1.0, abs_tol=0.1)
    assert near.click_rate is not None
    assert far.click_rate is not None
    assert near.click_rate.high - near.click_rate.low < far.click_rate.high - far.click_rate.low


def test_a_weight_is_cut_where_it_would_decide_alone() -> None:
    common = Trace("a", [0.5], [0.5], [True], [False], [False])
    rare = Trace("b", [0.001], [0.9], [True], [True], [True])
    found = evaluate([common] * 10 + [rare])
    assert found.clipped == round(1 / 11, 4)
    assert found.click_rate is not None
    assert found.click_rate.value == round(LARGEST_WEIGHT / (10 + LARGEST_WEIGHT), 4)


def test_only_what_was_seen_counts_and_its_weight_is_of_the_whole_list_down_to_it() -> None:
    trace = Trace("a", [0.5, 0.4], [0.25, 0.8], [False, True], [True, True], [False, False])
    found = evaluate([trace, Trace("b", [1.0], [3.0], [True], [False], [False])])
    assert found.impressions == 2
    assert found.mean_weight == 2.0
    assert found.click_rate is not None
    assert found.click_rate.value == 0.25


def test_lists_of_one_person_are_not_taken_for_independent() -> None:
    def listed(person: str, *, clicked: bool) -> Trace:
        return Trace(person, [1.0], [1.0], [True], [clicked], [False])

    together = [listed("a", clicked=True)] * 10 + [listed("b", clicked=False)] * 10
    apart = [listed(str(number), clicked=number < 10) for number in range(20)]
    few, many = evaluate(together).click_rate, evaluate(apart).click_rate
    assert few is not None
    assert many is not None
    assert few.value == many.value == 0.5
    assert few.high - few.low > 2 * (many.high - many.low)


@pytest.mark.parametrize("traces", [[], [Trace("a", [0.5], [0.5], [False], [True], [True])]])
def test_without_impressions_there_is_no_rate(traces: list[Trace]) -> None:
    found = evaluate(traces)
    assert (found.impressions, found.effective, found.click_rate) == (0, 0.0, None)
