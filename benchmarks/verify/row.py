"""What every part of the verification hands back: one measured value beside what it is held to."""

from dataclasses import asdict, dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True, slots=True)
class VerifyRow:
    """One measured value. It passes where ours / rival is on the good side of the bar."""

    what: str
    setting: str
    """What the reader needs to repeat it: shots, step sizes, iterations."""
    ours: float
    rival: float
    rival_name: str
    """"published", or the baseline measured on the same tasks."""
    bar: float
    """The least (better higher) or the most (better lower) that ours / rival may be."""
    better: Literal["higher", "lower"]
    unit: str
    margin: float | None = None
    """Half of the 95% interval of ours over the test tasks."""
    published: float | None = None
    """What the paper reports, for the same or (where `setting` says so) for a like task."""

    @property
    def ratio(self) -> float:
        return self.ours / self.rival

    @property
    def passed(self) -> bool:
        return self.ratio >= self.bar if self.better == "higher" else self.ratio <= self.bar

    def to_json(self) -> dict[str, str | float | None]:
        return {**asdict(self), "ratio": self.ratio, "passed": self.passed}


def mean_and_margin(values: Tensor) -> tuple[float, float]:
    """Mean of one value per task, and half of its 95% interval."""
    return values.mean().item(), 1.96 * values.std().item() / len(values) ** 0.5
