"""An inverted index finds what going through the whole catalogue would."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.algorithms.postings import Postings
from models.shapes import Features

FEATURES = 7


@st.composite
def rows(draw: st.DrawFn, least: int) -> Features:
    """Up to 12 rows of up to 4 features; some of no account, some told twice."""
    size = draw(st.integers(least, 12)), draw(st.integers(1, 4))
    cells = size[0] * size[1]
    columns = draw(st.lists(st.integers(0, FEATURES - 1), min_size=cells, max_size=cells))
    values = draw(st.lists(st.integers(-2, 2), min_size=cells, max_size=cells))
    return Features(torch.tensor(columns).view(size), torch.tensor(values).view(size).double())


def dense(features: Features) -> torch.Tensor:
    table = torch.zeros(len(features.columns), FEATURES, dtype=torch.float64)
    return table.scatter_add(1, features.columns, features.values)


@given(known=rows(least=1), asked=rows(least=0))
def test_shares_are_those_of_the_products(known: Features, asked: Features) -> None:
    posted = Postings.of(known.columns.int(), known.values, FEATURES)
    kin = posted.alike(asked)
    found = torch.zeros(len(asked.columns), len(known.columns)).double()
    found = found.scatter_add(1, kin.items, kin.shares)
    products = (dense(asked) @ dense(known).T).clamp_min(0)
    totals = products.sum(1, keepdim=True)
    expected = products / torch.where(totals > 0, totals, 1)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


def test_without_features_nothing_is_alike() -> None:
    posted = Postings.of(torch.zeros(3, 1).int(), torch.zeros(3, 1), 0)
    kin = posted.alike(Features.none(2))
    assert torch.equal(kin.shares, torch.zeros(2, 3))
