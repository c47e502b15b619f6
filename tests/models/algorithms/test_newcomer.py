"""Items that training never saw: their rows, their kin, and what is recalled of these."""

import pytest
import torch
from torch import Tensor

from models import algorithms
from models.algorithms import postings
from models.algorithms.scoring import personalise
from models.shapes import Features, Kin, Support
from tests.generated import generated_slow
from tests.models.algorithms.given import with_tables

FEATURES, ITEMS, WIDTH = 7, 20, 4
ALGORITHM = algorithms.get("meta-sgd")


@pytest.fixture(scope="module")
def slow() -> dict[str, Tensor]:
    """Every trained item has one to three features; the scales tell them apart."""
    random = torch.Generator().manual_seed(0)
    known = torch.rand(ITEMS, FEATURES, generator=random)
    near = known.topk(3, dim=1)
    values = near.values * (torch.rand(ITEMS, 3, generator=random) < 0.8)
    values = values / values.norm(dim=1, keepdim=True).clamp_min(1e-9)
    return {
        **generated_slow(items=ITEMS, width=WIDTH),
        "content_scale": torch.linspace(0.5, 2, FEATURES),
        "content_power": torch.tensor(0.5),
        "content_map": torch.randn(FEATURES, WIDTH + 1, generator=random),
        "content_base": torch.randn(WIDTH + 1, generator=random),
        "content_columns": near.indices.int(),
        "content_values": values,
    }


CONTENT = Features(
    torch.tensor([[0, 5], [3, 0], [0, 0]]), torch.tensor([[4.0, 1.0], [9.0, 0.0], [0.0, 0.0]])
)
"""Of three items; nothing is known of the last."""


def counted() -> Tensor:
    """[3, FEATURES] the weighed features of CONTENT, by hand."""
    scale, weighed = torch.linspace(0.5, 2, FEATURES), torch.zeros(3, FEATURES)
    weighed[0, 0], weighed[0, 5] = 2 * scale[0], scale[5]
    weighed[0] /= weighed[0].norm()
    weighed[1, 3] = 1
    return weighed


def test_rows_by_their_formula(slow: dict[str, Tensor]) -> None:
    rows = ALGORITHM.content_rows(slow, CONTENT)
    expected = slow["content_base"] + counted() @ slow["content_map"]
    torch.testing.assert_close(rows[:, :-1], expected)
    assert torch.equal(rows[:, -1], rows[:, -2])


def test_kin_are_the_nearest_by_content(slow: dict[str, Tensor]) -> None:
    dense = torch.zeros(ITEMS, FEATURES).scatter_add(
        1, slow["content_columns"].long(), slow["content_values"]
    )
    alike = counted() @ dense.T
    kin = ALGORITHM.kin(slow, CONTENT)
    found = torch.zeros(3, ITEMS).scatter_add(1, kin.items, kin.shares)
    torch.testing.assert_close(found[:2], alike[:2] / alike[:2].sum(1, keepdim=True))
    assert torch.equal(found[2], torch.zeros(ITEMS))


def test_only_the_nearest_are_kin(slow: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = ALGORITHM.kin(slow, CONTENT)
    monkeypatch.setattr(postings, "MOST_KIN", 3)
    kin = ALGORITHM.kin(slow, CONTENT)
    assert kin.items.shape == kin.shares.shape == (3, 3)
    assert torch.equal(kin.items[:2], everyone.items[:2, :3])
    torch.testing.assert_close(kin.shares.sum(1), torch.tensor([1.0, 1.0, 0.0]))


def test_what_is_recalled_of_kin_counts_for_the_new(slow: dict[str, Tensor]) -> None:
    tables = with_tables(
        slow, {"content_weight": 0.7, "content_shift": 0.3, "gate": 0.5, "caution": 0.0}
    )
    given = Support(torch.tensor([[2, 5], [0, 0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    personal = personalise(ALGORITHM, tables, given, Features.none(2))
    recalled = torch.randn(2, ITEMS, generator=torch.Generator().manual_seed(1))
    kin = Kin(torch.tensor([[1, 4], [3, 0]]), torch.tensor([[0.75, 0.25], [0.0, 0.0]]))
    known = kin.shares.sum(1)
    found = ALGORITHM.recollect_newer(tables, personal, kin.mean(recalled), known, None)
    of_kin = 0.75 * recalled[:, 1] + 0.25 * recalled[:, 4]
    torch.testing.assert_close(found[:, 0], 0.7 * of_kin + 0.5 * 0.3)
    assert torch.equal(found[:, 1], torch.zeros(2))


def test_untaught_all_new_items_are_as_the_average() -> None:
    slow = generated_slow(items=ITEMS, width=WIDTH)
    rows = ALGORITHM.content_rows(slow, CONTENT)
    assert torch.equal(rows[:, :-2], torch.zeros(3, WIDTH))
    torch.testing.assert_close(rows[:, -2:].exp(), slow["popularity"].exp().mean().expand(3, 2))
    assert torch.equal(ALGORITHM.kin(slow, CONTENT).shares, torch.zeros(3, ITEMS))


def test_chances_say_how_far_the_expected_rate_is_trusted(slow: dict[str, Tensor]) -> None:
    rows = ALGORITHM.content_rows(slow, CONTENT)
    events, of_all = torch.tensor([3.0, 0.0, 1.0]), torch.tensor([40.0, 40.0, 0.0])
    rate = slow["popularity"].exp().sum()
    for trust in (2.0, 50.0):
        found = ALGORITHM.popularity_shift(
            {**slow, "content_chances": torch.tensor(trust)}, rows, events, of_all
        )
        live = (events + trust * rows[:, -1].exp()) / (of_all / rate + trust)
        torch.testing.assert_close(found, live.log() - rows[:, -1])
