"""Every algorithm of the registry keeps every promise."""

import pytest

from models import algorithms
from tests.models.algorithms.conformance import Conformance


class TestConformance(Conformance):
    @pytest.fixture(scope="class", params=algorithms.names())
    @classmethod
    def name(cls, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        return name
