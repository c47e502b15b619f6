"""Whatever changes, every version keeps its own values, and sharing memory does not show."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from app.engine.grown import Grown
from app.engine.ids import ItemIds

CHANGES = st.lists(
    st.tuples(st.integers(0, 100), st.lists(st.integers(0, 100), max_size=5), st.integers(0, 5)),
    max_size=12,
)
"""From which version on, at which places (modulo its size), and how many more at the end."""


@given(st.integers(0, 3), CHANGES)
def test_all_versions_keep_their_values(
    size: int, changes: list[tuple[int, list[int], int]]
) -> None:
    versions = [(Grown.of(torch.zeros(size)), [0.0] * size)]
    for number, (base, places, more) in enumerate(changes, start=1):
        grown, expected = versions[base % len(versions)]
        where = sorted({place % len(expected) for place in places} if expected else set())
        where += range(len(expected), len(expected) + more)
        values = torch.arange(len(where)) + 100.0 * number
        copy = [*expected, *[0.0] * more]
        for place, value in zip(where, values.tolist(), strict=True):
            copy[place] = value
        versions.append((grown.changed(where, values), copy))
    for grown, expected in versions:
        assert grown.values.tolist() == expected
        assert len(grown) == len(expected)


def test_a_change_at_the_end_copies_nothing() -> None:
    first = Grown.of(torch.zeros(0, 2)).changed([0], torch.ones(1, 2))
    second = first.changed([1, 2], torch.ones(2, 2))
    assert second.values.data_ptr() == first.values.data_ptr()
    assert second.changed([0], torch.zeros(1, 2)).values.data_ptr() != first.values.data_ptr()


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), max_size=10))
def test_ids_that_part_ways_know_only_their_own(story: list[tuple[int, int]]) -> None:
    versions = [(ItemIds.of(("a", "b"), {"a": 0, "b": 1}), ["a", "b"])]
    for number, (base, more) in enumerate(story):
        ids, expected = versions[base % len(versions)]
        added = [f"n{number}-{n}" for n in range(more)]
        versions.append((ids.followed_by(added), [*expected, *added]))
    everybody = {item_id for _, expected in versions for item_id in expected}
    for ids, expected in versions:
        assert list(ids) == expected
        for item_id in everybody:
            place = expected.index(item_id) if item_id in expected else None
            assert ids.row(item_id) == place
