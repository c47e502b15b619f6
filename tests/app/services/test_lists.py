from hypothesis import given
from hypothesis import strategies as st

from app.services.lists import Move, distance, moves

LISTS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@given(LISTS, LISTS)
def test_the_distance_is_that_of_a_metric_space_between_0_and_1(a: list[str], b: list[str]) -> None:
    assert 0 <= distance(a, b) <= 1
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)


def test_the_top_counts_more_than_the_end() -> None:
    known = ["a", "b", "c", "d"]
    assert distance(known, ["x", "b", "c", "d"]) > distance(known, ["a", "b", "c", "x"])


@given(LISTS, LISTS)
def test_moves_lead_from_one_list_to_the_other(a: list[str], b: list[str]) -> None:
    after = {item: rank for rank, item in enumerate(a, 1)}
    for move in moves(a, b):
        assert after.get(move.item_id) == move.before != move.after
        if move.after is None:
            del after[move.item_id]
        else:
            after[move.item_id] = move.after
    assert sorted(after, key=after.__getitem__) == b


def test_what_left_comes_last() -> None:
    assert moves(["a", "b"], ["c", "b"]) == (Move("c", None, 1), Move("a", 1, None))
