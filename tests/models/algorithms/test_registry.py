"""Algorithms by name."""

import pytest

from models import algorithms
from models.config import RankerConfig, TrainConfig
from models.errors import UnknownAlgorithm


def test_the_default_is_known() -> None:
    assert TrainConfig().algorithm in algorithms.names()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    known = ", ".join(algorithms.names())
    with pytest.raises(UnknownAlgorithm, match=f"known: {known}"):
        algorithms.get("mega-sgd")
    with pytest.raises(UnknownAlgorithm, match=f"known: {known}"):
        algorithms.trainable("mega-sgd", RankerConfig())
