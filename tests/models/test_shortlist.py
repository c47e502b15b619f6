"""The short list gives what all items give."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from models.baselines.shortlist import blended_ndcg
from models.metrics import Question, ndcg_at_10

BLENDS = [("log", 0.0), ("log", 0.5), ("linear", 4.0), ("log", 16.0)]


@given(st.integers(0, 2**32 - 1), st.sampled_from([5, 12, 60, 300]), st.sampled_from([10, 30]))
def test_every_blend_is_judged_as_on_all_items(seed: int, items: int, length: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(3, 7, items, generator=generator)
    popularity = {"log": draw[0, 0].sort(descending=True).values.log()}
    popularity["linear"] = popularity["log"].exp()
    hidden = draw[1] < 0.3
    question = Question((draw[2] < 0.3) & ~hidden, hidden)
    question.wanted[:, 0] |= ~hidden[:, 0]
    expected = torch.stack(
        [ndcg_at_10(draw[0] + weight * popularity[form], question) for form, weight in BLENDS]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.baselines.shortlist.LENGTH", length)
        found = blended_ndcg(draw[0], popularity, BLENDS, question)
    assert torch.allclose(found, expected, equal_nan=True)
