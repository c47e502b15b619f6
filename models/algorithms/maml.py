"""MAML and its first-order form (Finn et al. 2017, "Model-Agnostic Meta-Learning").

The initialisation of a whole scorer is learned so that a few gradient steps of one fixed size, on
the support's loss, rank the query well. FOMAML drops the derivative of the adapted scorer with
respect to the initialisation (their section 5.2).
"""

from collections.abc import Mapping
from typing import ClassVar

from models.algorithms.scorer import ScorerRanking


class MAML(ScorerRanking):
    name: ClassVar[str] = "maml"
    first_order: ClassVar[bool] = False

    def own_rates(self) -> Mapping[str, float]:
        return {"scorer": self.config.inner_rate}


class FOMAML(MAML):
    name: ClassVar[str] = "fomaml"
    first_order: ClassVar[bool] = True
