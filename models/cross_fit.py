"""Tables by shots from hardly any users: each judges what the others taught."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.algorithms.interface import Slow, Trainable
from models.contest import Contest
from models.metrics import SHOTS
from models.validation import Exam, choose

FOLDS = 4

Users: TypeAlias = NDArray[np.int64]


def cross_fitted(
    algorithm: Trainable,
    begin: Callable[[Users], Slow],
    examine: Callable[[Users], Exam],
    users: Users,
) -> Mapping[str, tuple[float, ...]]:
    """By table: [51] what ranked best for users whom the slow weights had not met.

    Args:
        algorithm: whose tables are chosen.
        begin: makes slow weights of some of the users, as training would begin.
        examine: makes an exam of some of the users.
        users: [n] at least two.
    """
    found: dict[int, list[Contest]] = {}
    with_profiles = False
    for fold in range(min(FOLDS, len(users))):
        asked = users[fold::FOLDS]
        slow, exam = begin(np.setdiff1d(users, asked)), examine(asked)
        with_profiles = with_profiles or exam.profiles.columns.shape[1] > 0
        for shots in SHOTS:
            contest = exam.contest(algorithm, slow, shots)
            if contest is not None:
                found.setdefault(shots, []).append(contest)
    contests = {shots: Contest.together(found[shots]) for shots in SHOTS if shots in found}
    return choose(contests, algorithm.blended(), with_profiles=with_profiles).tables()
