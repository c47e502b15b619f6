"""What can go wrong in the library, as facts."""

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
