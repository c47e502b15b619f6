"""Strong simple rivals, tuned per number of shots on validation users.

Every rival goes the same way: `fit` on training users gives a scorer, a scorer turns supports into
scores, and the scores are blended with popularity. Settings and blend are chosen per k.
"""

from models.baselines.crowd import Crowd
from models.baselines.fast import FAST, Baseline
from models.baselines.judged import Judged, judge_baseline, remembered
from models.baselines.tuning import Choice, tune

SETS: dict[str, tuple[Baseline, ...]] = {"none": (), "fast": FAST}
"""By the name that `evaluate` is asked with. Slower rivals join as a set of their own."""

__all__ = ["SETS", "Baseline", "Choice", "Crowd", "Judged", "judge_baseline", "remembered", "tune"]
