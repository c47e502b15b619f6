"""Strong simple rivals, tuned per number of shots on validation users.

Every rival goes the same way: fitted on training users it gives a scorer, a scorer turns supports
into scores, and the scores are blended with popularity. Settings and blend are chosen per k.
"""

from models.baselines.baseline import Baseline
from models.baselines.crowd import Crowd
from models.baselines.fast import FAST
from models.baselines.ials import IALS
from models.baselines.judged import Judged, judge_baseline
from models.baselines.mult_vae import MULT_VAE
from models.baselines.remembered import remembered
from models.baselines.sasrec import SASREC
from models.baselines.tuning import Choice, tune

SETS: dict[str, tuple[Baseline, ...]] = {
    "none": (),
    "popularity": FAST[:1],
    "fast": FAST,
    "all": (*FAST, IALS, MULT_VAE, SASREC),
}
"""By the name that `evaluate` is asked with; `fast` needs seconds to minutes, `all` an hour."""

__all__ = ["SETS", "Baseline", "Choice", "Crowd", "Judged", "judge_baseline", "remembered", "tune"]
