"""Where new items stand in lists of old ones, against lists made by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models import placement
from models.metrics import Question
from models.placement import (
    HARM,
    SHIFTS,
    WEIGHTS,
    Lineup,
    best_places,
    lifted,
    means,
    raised,
)

OLD, NEW, ASKED = 40, 12, 30


@pytest.fixture(autouse=True)
def _short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "LENGTH", 15)


def random_parts(seed: int = 0) -> tuple[Tensor, Question, tuple[Tensor, Tensor, Tensor], Tensor]:
    """Scores tell something of what is wanted; of the last nobody wants anything."""
    random = torch.Generator().manual_seed(seed)
    wanted = torch.rand(ASKED, OLD, generator=random) < 0.3
    hidden = (torch.rand(ASKED, OLD, generator=random) < 0.1) & ~wanted
    new_wanted = torch.rand(ASKED, NEW, generator=random) < 0.3
    wanted[-1], new_wanted[-1] = False, False
    old = wanted + torch.randn(ASKED, OLD, generator=random)
    row = torch.randn(ASKED, NEW, generator=random)
    recalled = new_wanted + 0.3 * torch.randn(ASKED, NEW, generator=random)
    reach = 0.5 + 0.5 * torch.rand(ASKED, NEW, generator=random)
    return old, Question(wanted, hidden), (row, recalled, reach), new_wanted


def gain(hits: list[bool], wanted: int, length: int) -> float:
    discounts = 1 / np.log2(np.arange(2, length + 2))
    return float((discounts[: len(hits)] * hits).sum() / discounts[:wanted].sum())


def test_lists_by_hand() -> None:
    old, question, new, new_wanted = random_parts()
    marks = Lineup.of(old, question, new, new_wanted).marks(2.0, 0.5)
    row, recalled, reach = new
    placed = row + 2 * recalled + 0.5 * reach
    scores = torch.cat([old.masked_fill(question.hidden, -torch.inf), placed], 1)
    for line in range(ASKED - 1):
        best = scores[line].argsort(descending=True).tolist()
        wanted_old = question.wanted[line].tolist() + [False] * NEW
        wanted_new = [False] * OLD + new_wanted[line].tolist()
        hits = [wanted_old[item] or wanted_new[item] for item in best[:15]]
        total = sum(wanted_old) + sum(wanted_new)
        assert marks.together[line] == pytest.approx(gain(hits, min(total, 15), 15))
        old_hits = [wanted_old[item] for item in best[:10]]
        assert marks.old[line] == pytest.approx(gain(old_hits, min(sum(wanted_old), 10), 10))
        found = sum(wanted_new[item] for item in best[:15])
        if sum(wanted_new):
            assert marks.new[line] == pytest.approx(found / sum(wanted_new))
    assert all(mark[-1].isnan() for mark in marks)


def test_without_new_items_only_the_old_stand() -> None:
    lineup = Lineup.of(*random_parts())
    alone, buried = lineup.without_new(), lineup.marks(0.0, -1e9)
    torch.testing.assert_close(alone, buried, equal_nan=True)
    assert not alone.new.nan_to_num(0).any()


def test_parts_of_questions_are_one() -> None:
    whole, parts = random_parts(), [Lineup.of(*cut(rows)) for rows in (slice(0, 9), slice(9, None))]
    together = Lineup.together(parts).marks(1.0, 0.0)
    torch.testing.assert_close(together, Lineup.of(*whole).marks(1.0, 0.0), equal_nan=True)


def cut(rows: slice) -> tuple[Tensor, Question, tuple[Tensor, Tensor, Tensor], Tensor]:
    old, question, (row, recalled, reach), wanted = random_parts()
    asked = Question(question.wanted[rows], question.hidden[rows])
    return old[rows], asked, (row[rows], recalled[rows], reach[rows]), wanted[rows]


def test_the_best_place_helps_the_new_and_spares_the_old() -> None:
    lineups = {k: Lineup.of(*random_parts(seed=k)) for k in (1, 2, 3)}
    places = best_places({k: [lineup] for k, lineup in lineups.items()})
    for k, (weight, shift) in places.items():
        assert weight > 0  # what is recalled tells what is wanted
        alone, placed = lineups[k].without_new(), lineups[k].marks(weight, shift)
        assert placed.new.nanmean() > 0.02
        assert placed.old.nanmean() >= (1 - HARM) * alone.old.nanmean()
        assert placed.together.nanmean() >= (1 - HARM) * alone.together.nanmean()


def test_no_higher_place_is_allowed() -> None:
    """Against all shifts tried one by one."""
    lineup = Lineup.of(*random_parts())
    recall, weight, shift = lifted([lineup], 1.0, SHIFTS)
    alone = lineup.without_new()
    allowed = [
        one
        for one in SHIFTS
        for marks in [lineup.marks(1.0, one)]
        if marks.old.nanmean() >= (1 - HARM) * alone.old.nanmean()
        and marks.together.nanmean() >= (1 - HARM) * alone.together.nanmean()
    ]
    assert (weight, shift) == (1.0, max(allowed))
    assert recall == pytest.approx(float(lineup.marks(1.0, shift).new.nanmean()))


def test_where_all_places_do_harm_the_lowest_is_taken() -> None:
    lineup = Lineup.of(*random_parts())
    assert lifted([lineup], 0.0, (500.0, 600.0)) == (0.0, 0.0, 500.0)


def test_no_sample_of_new_items_may_do_harm() -> None:
    samples = [Lineup.of(*random_parts(seed=seed)) for seed in range(4)]
    alone = [lifted([one], 1.0, SHIFTS) for one in samples]
    recall, _, shift = lifted(samples, 1.0, SHIFTS)
    assert shift == min(lowest for _, _, lowest in alone)
    means = [float(one.marks(1.0, shift).new.nanmean()) for one in samples]
    assert recall == pytest.approx(sum(means) / 4)


def test_new_items_that_nobody_wants_are_kept_out() -> None:
    old, question, new, _ = random_parts()
    lineup = Lineup.of(old, question, new, torch.zeros(ASKED, NEW, dtype=torch.bool))
    assert best_places({5: [lineup]})[5] == (WEIGHTS[0], SHIFTS[0])
    assert lineup.marks(WEIGHTS[0], SHIFTS[0]).new.isnan().all()


def test_there_is_no_place_where_no_shift_is_followed() -> None:
    old, question, (row, recalled, reach), wanted = random_parts()
    closed = Lineup.of(old, question, (row, recalled, torch.zeros_like(reach)), wanted)
    assert list(best_places({0: [closed], 1: [Lineup.of(*random_parts())]})) == [1]


def test_what_is_raised_finds_more_and_harms_nobody() -> None:
    samples = [Lineup.of(*random_parts(seed)) for seed in range(3)]
    before = [means(sample.marks(0.0, -1.0)) for sample in samples]
    found = raised(samples, before, WEIGHTS, SHIFTS)
    assert found is not None
    recall, place = found
    after = [means(sample.marks(*place)) for sample in samples]
    assert recall == pytest.approx(sum(one.new for one in after) / 3)
    assert recall > sum(one.new for one in before) / 3
    assert sum(one.together for one in after) >= sum(one.together for one in before)
    for one, alone in zip(after, before, strict=True):
        assert one.old >= (1 - HARM) * alone.old


def test_nothing_is_raised_where_every_place_harms() -> None:
    sample = Lineup.of(*random_parts())
    before = means(sample.marks(0.0, -1.0))
    assert raised([sample], [before], (0.0,), (40.0,)) is None
