"""Validation users as if some items that training saw were not there yet."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.algorithms.interface import Slow, Trainable
from models.algorithms.scoring import personalise
from models.metrics import CELLS, Question
from models.shapes import Personal, Support
from models.validation import Exam


class Unmet(NamedTuple):
    """Some users, before M of N items come."""

    personal: Personal
    recalled: Tensor
    """[B, N] what is recalled of all items."""
    old: Tensor
    """[B, N] scores of all items."""
    question: Question
    """The M items are hidden in it, and not wanted."""
    closed: Tensor
    """[B, M] bool: of these, what may not be in the list."""
    wanted: Tensor
    """[B, M] bool"""


@torch.no_grad()
def asked_before(
    algorithm: Trainable, slow: Slow, exam: Exam, shots: int, hidden: NDArray[np.bool_], most: int
) -> Iterator[Unmet]:
    """The first `most` users with so many shots, less the items marked in `hidden` [N]."""
    gone, trials = torch.from_numpy(hidden), exam.trials
    able, rows = trials.rows(shots)[:most], algorithm.item_rows(slow)
    for start in range(0, len(able), size := max(1, CELLS // trials.items)):
        some = able[start : start + size]
        items = torch.from_numpy(trials.support(some, shots))
        slots = torch.zeros(len(some), max(1, shots), dtype=torch.int64)
        slots[:, :shots] = items
        used = torch.zeros(slots.shape)
        used[:, :shots] = (~gone[items]).float()
        support, profile = Support(slots, used), exam.profiles.of(trials.users[some])
        personal = personalise(algorithm, slow, support, profile)
        found, scores = algorithm.recollect(slow, personal, support, profile)
        recalled = torch.zeros(len(some), trials.items).scatter_add(1, found, scores.float())
        question = trials.question(some)
        yield Unmet(
            personal,
            recalled,
            algorithm.score(slow, personal, rows) + recalled,
            Question(question.wanted & ~gone, question.hidden | gone),
            question.hidden[:, gone],
            question.wanted[:, gone],
        )
