"""Ties are broken by id, and neither chance nor the length of a list decides them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.engine import best
from app.engine.best import best_columns

IDS = tuple(f"i{n * 7 % 40:02d}" for n in range(40))


def listed(scores: list[float], wanted: int, margin: int) -> list[str]:
    """As an answer orders what comes: by score, then by id."""
    values, rows = best_columns(torch.tensor([scores]), wanted, margin, IDS.__getitem__)
    pairs = zip(values[0].tolist(), (IDS[row] for row in rows[0].tolist()), strict=True)
    return [item_id for _, item_id in sorted(pairs, key=lambda pair: (-pair[0], pair[1]))][:wanted]


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=40, max_size=40),
    st.integers(1, 40),
    st.integers(0, 5),
)
def test_lists_are_in_the_order_of_score_and_id(
    scores: list[float], wanted: int, margin: int
) -> None:
    expected = sorted(range(40), key=lambda row: (-scores[row], IDS[row]))
    assert listed(scores, wanted, margin) == [IDS[row] for row in expected[:wanted]]


@pytest.mark.parametrize("wanted", [1, 5, 39, 60])
def test_when_all_are_equal_the_first_by_id_come(wanted: int) -> None:
    assert listed([0.5] * 40, wanted, 3) == sorted(IDS)[:wanted]


def test_rows_that_may_not_be_shown_are_last_and_need_no_order() -> None:
    values, rows = best_columns(torch.tensor([[1.0, *[-torch.inf] * 39]]), 2, 1, IDS.__getitem__)
    assert values[0].tolist() == [1.0, -torch.inf, -torch.inf]
    assert rows[0, 0] == 0


@pytest.mark.parametrize("columns", [best.FOLDED - 1, best.FOLDED, best.FOLDED + 13])
@pytest.mark.parametrize("wanted", [1, 10, 400])
def test_long_rows_are_folded_without_losing_anything(columns: int, wanted: int) -> None:
    generator = torch.Generator().manual_seed(columns)
    scores = torch.randint(-2_000, 2_000, (3, columns), generator=generator).float()
    ids = [f"{row * 7919 % columns:05d}" for row in range(columns)]
    values, rows = best_columns(scores, wanted, 32, ids.__getitem__)
    assert torch.equal(values, scores.topk(wanted + 32).values)
    assert torch.equal(scores.gather(1, rows), values)
    for entity, found in enumerate(scores.tolist()):
        expected = sorted(range(columns), key=lambda row: (-found[row], ids[row]))[:wanted]
        kept = sorted(rows[entity].tolist(), key=lambda row: (-found[row], ids[row]))[:wanted]
        assert kept == expected
