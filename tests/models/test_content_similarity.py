"""The usual way to place new items, against its formula written plainly."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from models.content_similarity import (
    SETTINGS,
    UNTUNED,
    ContentSimilarity,
    best_placing,
    completed,
)
from models.metrics import Question
from models.placement import HARM, Lineup

OLD = np.array([[2.0, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 3, 1, 0], [0, 0, 0, 1]])
NEW = np.array([[1.0, 0, 0, 0], [0, 1, 1, 0], [1, 2, 0, 3]])
POPULARITY = np.array([0.5, 0.1, 0.2, 0.2, 0.3], np.float32)
CONTENT = ContentSimilarity(csr_array(OLD), csr_array(NEW), POPULARITY)
SUPPORT = np.array([[0, 1], [3, 2]])


def cosines(power: float, idf: float) -> np.ndarray:
    """[5, 3] of tf-idf."""
    rarity = np.log(len(OLD) / (OLD != 0).sum(0)) ** idf
    old, new = (np.sign(one) * np.abs(one) ** power * rarity for one in (OLD, NEW))
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (old, new)]
    found: np.ndarray = unit[0] @ unit[1].T
    return found


def standardised(scores: np.ndarray) -> np.ndarray:
    centred = scores - scores.mean(1, keepdims=True)
    found: np.ndarray = centred / centred.std(1, keepdims=True)
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_similarities_by_their_formula(setting: dict[str, str | float]) -> None:
    alike = cosines(1.0 if setting["values"] == "weighted" else 0.0, float(setting["idf"]))
    of_support = alike[SUPPORT]
    expected = of_support.sum(1) if setting["by"] == "all" else of_support.max(1)
    found = CONTENT.scorer(setting)(SUPPORT)
    assert found == pytest.approx(standardised(expected), rel=1e-4, abs=1e-5)


def test_an_empty_support_is_like_what_is_popular() -> None:
    found = CONTENT.scorer(SETTINGS[0])(SUPPORT[:, :0])
    expected = standardised(POPULARITY[None] @ cosines(1.0, 0.5))
    assert found == pytest.approx(np.repeat(expected, 2, axis=0), rel=1e-4, abs=1e-5)


def test_where_nothing_is_known_all_new_items_are_alike() -> None:
    nothing = ContentSimilarity(csr_array((5, 0)), csr_array((3, 0)), POPULARITY)
    for support in (SUPPORT, SUPPORT[:, :0]):
        assert not nothing.scorer(SETTINGS[0])(support).any()


def lineup(of_wanted: float, of_others: float) -> Lineup:
    """One user who wants every second of 150 old items, and of 60 new items the first."""
    old = torch.linspace(3, -3, 150).unsqueeze(0)
    wanted = torch.arange(150).unsqueeze(0) % 2 == 0
    question = Question(wanted, torch.zeros(1, 150, dtype=torch.bool))
    new = torch.arange(60).unsqueeze(0) == 0
    similarity = torch.where(new, of_wanted, of_others)
    parts = torch.zeros_like(similarity), similarity, torch.ones_like(similarity)
    return Lineup.of(old, question, parts, new)


def samples(best: int) -> list[list[Lineup]]:
    """Twice a lineup for each setting, of which one tells who is wanted."""
    good, bad = lineup(1.0, -1.0), lineup(-1.0, 1.0)
    return [[good if place == best else bad for place in range(len(SETTINGS))]] * 2


def test_the_setting_that_finds_most_is_placed_without_harm() -> None:
    chosen = best_placing(samples(3))
    assert chosen.setting == SETTINGS[3]
    assert chosen.recall == 1
    placed = samples(3)[0][3]
    marks, alone = placed.marks(chosen.weight, chosen.shift), placed.without_new()
    assert float(marks.old) >= (1 - HARM) * float(alone.old)
    assert float(marks.together) >= (1 - HARM) * float(alone.together)


def test_nobody_to_choose_keeps_the_choice_for_fewer_shots() -> None:
    chosen = best_placing(samples(3))
    found = completed({1: chosen}, (0, 1, 2))
    assert found[0].setting == UNTUNED.setting
    assert found[1] == chosen
    assert found[2][:3] == chosen[:3]
    assert math.isnan(found[2].recall)
