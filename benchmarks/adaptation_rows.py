"""Comparisons, as rows of a table on the screen, in Markdown and in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table

Better = Literal["higher", "lower"]
_TITLES = ("what", "shots", "ours", "rival", "ratio", "bar", "unit")
_LEFT = {"what", "unit"}


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ratio` is ours / rival."""

    what: str
    rival_name: str
    shots: int
    ours: float
    rival: float
    ratio: float
    bar: float | None
    """None where only another number of shots, or another setting, has one."""
    better: Better
    unit: str

    @classmethod
    def of(
        cls,
        what: str,
        rival_name: str,
        shots: int,
        ours: float,
        rival: float,
        bar: float | None,
        unit: str,
        better: Better = "higher",
    ) -> "Row":
        return cls(what, rival_name, shots, ours, rival, ours / rival, bar, better, unit)

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.ratio >= self.bar if self.better == "higher" else self.ratio <= self.bar

    def cells(self) -> tuple[str, ...]:
        sign = "≥" if self.better == "higher" else "≤"
        return (
            f"{self.what} / {self.rival_name}",
            str(self.shots),
            _short(self.ours),
            _short(self.rival),
            f"{_short(self.ratio)}{'' if self.holds else ' missed'}",
            "" if self.bar is None else f"{sign} {self.bar:g}",
            self.unit,
        )


def table_of(rows: Sequence[Row], title: str) -> Table:
    table = Table(title=title)
    for name in _TITLES:
        table.add_column(name, justify="left" if name in _LEFT else "right")
    for row in rows:
        table.add_row(*row.cells())
    return table


def markdown_of(rows: Sequence[Row]) -> str:
    rule = ("---" if name in _LEFT else "--:" for name in _TITLES)
    lines = [_TITLES, tuple(rule), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _short(number: float) -> str:
    """Three or more digits that count."""
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}"
