"""What can go wrong in the library, as facts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False)
class ModelError(Exception):
    """Base of all expected failures of the library."""


@dataclass(eq=False)
class DataError(ModelError):
    """The data cannot be used; `advice` says what to do about it."""

    path: str
    reason: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" + (f"; {self.advice}" if self.advice else "")


@dataclass(eq=False)
class WeightsError(ModelError):
    """Meta-weights on disk are not what their manifest says."""

    version: str
    reason: str
    tensor: str | None = None

    def __str__(self) -> str:
        where = f", tensor {self.tensor!r}" if self.tensor else ""
        return f"meta-weights {self.version!r}{where}: {self.reason}"


@dataclass(eq=False)
class UnknownAlgorithm(ModelError):
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"unknown algorithm {self.name!r}; known: {', '.join(self.known)}"


@dataclass(eq=False)
class ExtraMissing(ModelError):
    """Something asked for needs a package that only an extra of Thaw installs."""

    package: str
    extra: str

    def __str__(self) -> str:
        return (
            f"{self.package} is not installed; `pip install 'thaw[{self.extra}]'` brings it, for "
            "this and all else that the extra is for"
        )


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Around imports of what an extra brings. Raises `ExtraMissing` where one fails.

    >>> with needing("plots"):
    ...     import no_such_package
    Traceback (most recent call last):
    models.errors.ExtraMissing: no_such_package is not installed; `pip install 'thaw[plots]'` ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ExtraMissing(error.name or "a package", extra) from error
