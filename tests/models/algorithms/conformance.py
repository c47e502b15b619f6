"""What every algorithm promises, whatever it computes.

A subclass with a fixture `name` tries all promises on one algorithm; test_conformance.py does so
for every name in the registry, so that a new one needs no line here.
"""

from tests.models.algorithms.adapting import (
    KnowsNothingOfAnybody,
    LearnsFromASupport,
    SeesEachEntityAlone,
)
from tests.models.algorithms.learning import CanBeTrained, DeclaresItself
from tests.models.algorithms.serving import CanBeServed


class Conformance(
    DeclaresItself,
    KnowsNothingOfAnybody,
    SeesEachEntityAlone,
    LearnsFromASupport,
    CanBeTrained,
    CanBeServed,
):
    """Fixtures in given.py, promises in adapting.py, learning.py and serving.py."""
