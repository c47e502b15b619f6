"""The one interface of all rivals: from training users and settings to scorers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from typing import TypeAlias

from models.baselines.crowd import Crowd, Scorer
from models.errors import ExtraMissing
from models.progress import OnProgress

Setting: TypeAlias = Mapping[str, float | str]
Scorers: TypeAlias = Callable[
    [Crowd, Sequence[Setting], OnProgress], Iterator[tuple[Setting, Scorer]]
]
"""Fits with every setting, in any order. A scorer is good until the next one is asked for: what
learns step by step goes on from one number of steps to the next."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A way to score, and the settings among which validation chooses."""

    name: str
    module: str
    """Where it is written: its results are kept while this and what it imports stay the same."""
    settings: tuple[Setting, ...]
    scorers: Scorers
    effort: float = 1.0
    """How long it takes, about, beside a quick one; for those who wait."""
    packages: tuple[str, ...] = ()
    """What must be installed beyond Thaw's own needs; the extra `baselines` brings it."""

    def check_installed(self) -> None:
        """Raises `ExtraMissing`."""
        for package in self.packages:
            if find_spec(package) is None:
                raise ExtraMissing(package, "baselines")


def each(fit: Callable[[Crowd, Setting], Scorer]) -> Scorers:
    """Fit with one setting after the other."""

    def scorers(
        crowd: Crowd, settings: Sequence[Setting], tell: OnProgress
    ) -> Iterator[tuple[Setting, Scorer]]:
        for done, setting in enumerate(settings):
            tell("", done / len(settings))
            yield setting, fit(crowd, setting)

    return scorers


def grid(**axes: Iterable[float | str]) -> tuple[Setting, ...]:
    """All combinations.

    >>> grid(size=(1, 2), form=("log",))
    ({'size': 1, 'form': 'log'}, {'size': 2, 'form': 'log'})
    """
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
