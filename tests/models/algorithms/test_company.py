"""New items go over to the company of their first users."""

import pytest
import torch
from torch import Tensor

from models import algorithms
from models.algorithms import company as by_company
from models.algorithms import newcomer
from models.algorithms.scoring import personalise
from models.shapes import Company, Features, Kin, Support
from tests.generated import generated_slow
from tests.models.algorithms.given import with_tables

ITEMS, WIDTH, DOUBT = 20, 4, 3.0
ALGORITHM = algorithms.get("meta-sgd")
NOTHING = Features.none(3)
COMPANY = Company(
    torch.tensor([[2, 5], [7, 0], [0, 0]]),
    torch.tensor([[0.25, 0.75], [1.0, 0.0], [0.0, 0.0]]),
    torch.tensor([1.0, 9.0, 4.0]),
)
"""Of three items; of the last one's users nothing is known."""


@pytest.fixture(scope="module")
def slow() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        **generated_slow(items=ITEMS, width=WIDTH),
        "company_map": torch.randn(WIDTH, WIDTH, generator=random),
        "company_mean": torch.randn(WIDTH, generator=random),
        "company_base": torch.randn(WIDTH, generator=random),
        "company_doubt": torch.tensor(DOUBT),
        "company_weight": torch.linspace(0, 1, 51),
        "company_shift": torch.linspace(-1, 1, 51),
    }


def test_more_users_move_an_item_further(slow: dict[str, Tensor]) -> None:
    moved = by_company.moved(slow, COMPANY)
    torch.testing.assert_close(moved, torch.tensor([1 / 4, 9 / 12, 0.0]))


def test_vectors_by_their_formula(slow: dict[str, Tensor]) -> None:
    of_content, _ = newcomer.expected(slow, NOTHING, None)
    vectors = ALGORITHM.content_rows(slow, NOTHING, COMPANY)[:, :-2]
    known = slow["item_vectors"]
    for row, (part, near) in enumerate(
        [(1 / 4, 0.25 * known[2] + 0.75 * known[5]), (9 / 12, known[7])]
    ):
        foretold = (near - slow["company_mean"]) @ slow["company_map"] + slow["company_base"]
        torch.testing.assert_close(vectors[row], (1 - part) * of_content[row] + part * foretold)
    assert torch.equal(vectors[2], of_content[2])


def test_kin_are_shared_out_between_content_and_company(slow: dict[str, Tensor]) -> None:
    content = Kin(torch.tensor([[2, 9], [9, 3], [4, 0]]), torch.tensor([[0.6, 0.4]] * 2 + [[1, 0]]))
    kin = by_company.kin(slow, content, COMPANY)
    assert kin.shares.shape == content.shares.shape
    torch.testing.assert_close(kin.shares.sum(1), torch.ones(3))
    assert kin.items[1].tolist() == [7, 9]
    torch.testing.assert_close(kin.shares[1], torch.tensor([0.75, 0.15]) / 0.9)
    assert kin.items[2].tolist() == [4, 0]


def test_of_two_equally_known_the_rarer_is_nearer_kin(slow: dict[str, Tensor]) -> None:
    company = Company(torch.tensor([[0, 15]]), torch.full((1, 2), 0.5), torch.tensor([1e9]))
    kin = by_company.kin(slow, Kin(torch.zeros(1, 4).long(), torch.zeros(1, 4)), company)
    assert kin.items[0, :2].tolist() == [15, 0]
    ratio = (slow["popularity"][0] - slow["popularity"][15]) * by_company.RARITY
    torch.testing.assert_close(kin.shares[0, 0] / kin.shares[0, 1], ratio.exp())


def test_they_stand_by_company_by_the_square_of_how_far_they_moved(slow: dict[str, Tensor]) -> None:
    support = Support(torch.tensor([[4, 9, 0]]), torch.tensor([[1.0, 1.0, 0.0]]))
    personal = personalise(ALGORITHM, slow, support, Features.none(1))
    content = with_tables(slow, {"content_weight": 2.0, "content_shift": 0.5})
    of_kin, known = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([1.0, 1.0, 0.0])
    moved = torch.tensor([0.0, 0.5**0.5, 1.0])
    found = ALGORITHM.recollect_newer(content, personal, of_kin, known, moved)
    gate = float(personal.gate)
    weight, shift = float(slow["company_weight"][2]), float(slow["company_shift"][2])
    expected = [2 + gate * 0.5, (4 + gate * 0.5 + 2 * weight + gate * shift) / 2, 3 * weight]
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_older_weights_know_nothing_of_company(slow: dict[str, Tensor]) -> None:
    older = {name: value for name, value in slow.items() if not name.startswith("company_")}
    rows, kin = ALGORITHM.content_rows(older, NOTHING), ALGORITHM.kin(older, NOTHING)
    assert not by_company.is_learned(older)
    assert torch.equal(ALGORITHM.content_rows(older, NOTHING, COMPANY), rows)
    assert all(map(torch.equal, ALGORITHM.kin(older, NOTHING, COMPANY), kin))
