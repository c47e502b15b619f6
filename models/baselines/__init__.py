"""Strong simple rivals, tuned per number of shots on validation users.

Every rival goes the same way: fitted on training users it gives a scorer, a scorer turns supports
into scores, and the scores are blended with popularity. Settings and blend are chosen per k.
"""

from typing import TypeAlias

from models.baselines.baseline import Baseline
from models.baselines.content import CONTENT, ContentBaseline, DescribedCrowd, judge_content
from models.baselines.crowd import Crowd
from models.baselines.fast import FAST
from models.baselines.ials import IALS
from models.baselines.judged import Judged, judge_baseline
from models.baselines.mean_vector import MEAN_VECTOR
from models.baselines.mult_vae import MULT_VAE
from models.baselines.remembered import remembered
from models.baselines.sasrec import SASREC
from models.baselines.tuning import Choice, tune
from models.config import Side

Rival: TypeAlias = Baseline | ContentBaseline

SETS: dict[str, tuple[Baseline, ...]] = {
    "none": (),
    "popularity": FAST[:1],
    "fast": FAST,
    "all": (*FAST, IALS, MULT_VAE, SASREC),
}
"""By the name that `evaluate` is asked with; `fast` needs seconds to minutes, `all` an hour."""


def rivals_of(name: str, side: Side) -> tuple[Rival, ...]:
    """Those of a set; on the side of items also those that know what an item is like.

    Raises:
        ValueError: there is no such set.
    """
    if name not in SETS:
        raise ValueError(f"no set of baselines {name!r}; there are {', '.join(SETS)}")
    fuller = side == "item" and name in {"fast", "all"}
    return (*SETS[name], MEAN_VECTOR, *CONTENT) if fuller else SETS[name]


__all__ = [
    "SETS",
    "Baseline",
    "Choice",
    "ContentBaseline",
    "Crowd",
    "DescribedCrowd",
    "Judged",
    "Rival",
    "judge_baseline",
    "judge_content",
    "remembered",
    "rivals_of",
    "tune",
]
